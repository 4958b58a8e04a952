package api

import (
	"strconv"

	"github.com/bantoops/banto"
)

// PageQuery is the input of every list.
type PageQuery struct {
	Cursor string `query:"cursor" maxLength:"4096" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"Items on the page"`
}

// number reads a cursor that is a number from 0.
func (p PageQuery) number() (int64, error) {
	if p.Cursor == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(p.Cursor, 10, 64)
	if err != nil || n < 0 {
		return 0, banto.Fail(banto.KindInvalid, "cannot read the request", "the cursor is not one that a page gave", "begin without a cursor")
	}
	return n, nil
}

// out is a list's answer.
type out[T any] struct{ Body banto.Page[T] }

// cut makes a page of what was read, one more than the limit to see whether
// there is another page.
func cut[R, T any](rows []R, limit int, item func(R) T, cursor func(R) string) *out[T] {
	p := banto.Page[T]{Items: make([]T, 0, min(len(rows), limit))}
	for i, row := range rows {
		if i == limit {
			p.Next = cursor(rows[limit-1])
			break
		}
		p.Items = append(p.Items, item(row))
	}
	return &out[T]{Body: p}
}

func same[T any](v T) T { return v }
