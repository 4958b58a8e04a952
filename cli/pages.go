package cli

import "github.com/bantoops/banto"

// pageMost is how many rows the manager gives in one page.
const pageMost = 500

// upTo gathers that many rows of a list, in as many pages as it takes; Next is
// where the list goes on behind them.
func upTo[T any](limit int, cursor string, get func(cursor string, limit int) (banto.Page[T], error)) (banto.Page[T], error) {
	all := banto.Page[T]{Items: []T{}}
	for {
		page, err := get(cursor, min(limit-len(all.Items), pageMost))
		if err != nil {
			return all, err
		}
		all.Items, all.Next = append(all.Items, page.Items...), page.Next
		if page.Next == "" || len(page.Items) == 0 || len(all.Items) >= limit {
			return all, nil
		}
		cursor = page.Next
	}
}
