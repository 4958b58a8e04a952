package storetest

import (
	"errors"
	"slices"
	"strings"

	"github.com/bantoops/banto/store"
)

// definition gives a definition with something of its own in it.
func definition(kind store.DefinitionKind, path string) store.Definition {
	return store.Definition{Kind: kind, Path: path, Title: "title of " + path, Source: "source of " + path, AppliedAt: epoch0}
}

func (b *bed) apply(d store.Definition) (version int) {
	b.Helper()
	b.write(func(tx store.Tx) (err error) {
		version, err = tx.PutDefinition(d)
		return err
	})
	return version
}

func testDefinitions(b *bed) {
	ctx := b.Context()
	d := definition(store.KindJobnet, "a/b")
	for want := 1; want <= 3; want++ {
		if got := b.apply(d); got != want {
			b.Fatalf("got version %d, want %d", got, want)
		}
	}
	if got := b.apply(definition(store.KindFolder, "a/b")); got != 1 {
		b.Errorf("the folder of the same path got version %d, want 1", got)
	}
	if got := must(b.s.Definition(ctx, d.Kind, d.Path, 0))(b); got.Version != 3 || !got.Active || got.Source != d.Source {
		b.Errorf("active is %+v", got)
	}
	if got := must(b.s.Definition(ctx, d.Kind, d.Path, 2))(b); got.Version != 2 || got.Active || got.Source != d.Source {
		b.Errorf("version 2 is %+v", got)
	}
	b.write(func(tx store.Tx) error { return tx.DeleteDefinition(d.Kind, d.Path) })
	if _, err := b.s.Definition(ctx, d.Kind, d.Path, 0); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("active after a delete: %v", err)
	}
	if n := len(must(b.s.ListDefinitions(ctx, d.Kind, "", "", 0))(b)); n != 0 {
		b.Errorf("%d listed after a delete", n)
	}
	err := b.tryWrite(func(tx store.Tx) error { return tx.DeleteDefinition(d.Kind, d.Path) })
	if !errors.Is(err, store.ErrNotFound) {
		b.Errorf("a second delete: got %v, want ErrNotFound", err)
	}
	if got := b.apply(d); got != 4 {
		b.Errorf("after a delete: got version %d, want 4", got)
	}
	var numbers []int
	for _, v := range must(b.s.Versions(ctx, d.Kind, d.Path, 3))(b) {
		numbers = append(numbers, v.Version)
		if v.Source != "" || v.Active != (v.Version == 4) {
			b.Errorf("in the list of versions: %+v", v)
		}
	}
	b.same("the newest three versions", numbers, []int{4, 3, 2})
	b.same("a version seen in its own transaction", must(b.s.Definition(ctx, store.KindFolder, "a/b", 0))(b).Version, 1)
	b.write(func(tx store.Tx) error {
		first, err1 := tx.PutDefinition(d)
		second, err2 := tx.PutDefinition(d)
		if first != 5 || second != 6 {
			b.Errorf("got versions %d and %d, want 5 and 6", first, second)
		}
		return errors.Join(err1, err2)
	})
}

func testDefinitionPages(b *bed) {
	paths := []string{"a", "a/b", "a/b/c", "a/b/d", "a/bc", "a-b/c", "a.b/c", "a0/c", "ab/c", "A/b", "z", "夜間/締め", "夜間/集計"}
	b.write(func(tx store.Tx) error {
		for _, p := range paths {
			if _, err := tx.PutDefinition(definition(store.KindJobnet, p)); err != nil {
				return err
			}
		}
		_, err := tx.PutDefinition(definition(store.KindFolder, "a/x"))
		return err
	})
	slices.Sort(paths) // by bytes, whatever the language of the machine
	for _, folder := range []string{"", "/", "a", "a/", "a/b", "ab", "夜間", "none"} {
		var want []string
		prefix := strings.TrimSuffix(folder, "/") + "/"
		for _, p := range paths {
			if prefix == "/" || strings.HasPrefix(p, prefix) {
				want = append(want, p)
			}
		}
		for _, limit := range []int{1, 2, 100, 0} {
			var got []string
			after := ""
			for {
				page := must(b.s.ListDefinitions(b.Context(), store.KindJobnet, folder, after, limit))(b)
				if limit > 0 && len(page) > limit {
					b.Fatalf("%d rows for a limit of %d", len(page), limit)
				}
				for _, d := range page {
					got = append(got, d.Path)
					if d.Source != "" {
						b.Errorf("a list holds the source of %s", d.Path)
					}
				}
				if limit == 0 || len(page) < limit {
					break
				}
				after = page[len(page)-1].Path
			}
			b.same("folder "+folder, got, want)
		}
	}
}

func testFlows(b *bed) {
	body := []byte("{\"a\":1}\x00\xff")
	for range 2 { // the same again is no error
		b.write(func(tx store.Tx) error { return tx.PutFlow("hash", body) })
	}
	b.same("Flow", must(b.s.Flow(b.Context(), "hash"))(b), body)
	b.write(func(tx store.Tx) error { return tx.PutFlow("none", nil) })
	b.same("an empty flow", must(b.s.Flow(b.Context(), "none"))(b), []byte{})
}
