package cli

import (
	"testing"

	"github.com/bantoops/banto"
)

// A manager that gives at most pageMost rows, and fewer when it likes.
func TestUpTo(t *testing.T) {
	for _, tt := range []struct {
		rows, limit, want int
		more              bool
	}{
		{0, 5, 0, false},
		{3, 5, 3, false},
		{30, 20, 20, true},
		{1200, 1100, 1100, true},
		{1200, 5000, 1200, false},
	} {
		at := 0
		page, err := upTo(tt.limit, "", func(cursor string, limit int) (banto.Page[int], error) {
			if (cursor == "") != (at == 0) || limit < 1 || limit > pageMost {
				t.Fatalf("asked for %d behind %q", limit, cursor)
			}
			var p banto.Page[int]
			for ; at < tt.rows && len(p.Items) < min(limit, 400); at++ {
				p.Items = append(p.Items, at)
			}
			if at < tt.rows {
				p.Next = "more"
			}
			return p, nil
		})
		if err != nil || len(page.Items) != tt.want || (page.Next != "") != tt.more || page.Items == nil {
			t.Errorf("%+v: %d rows, next %q, %v", tt, len(page.Items), page.Next, err)
		}
	}
}
