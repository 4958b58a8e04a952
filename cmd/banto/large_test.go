//go:build unix

package main_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestLargeJobnetIsChecked has a jobnet of 100,000 parts checked by the real
// binary. How long that takes is measured elsewhere; here it must be right.
func TestLargeJobnetIsChecked(t *testing.T) {
	w := &world{t: t, dir: t.TempDir()}
	const parts = 100_000
	path := w.write("large.yaml", largeYAML(parts))
	if out := w.must("check", path); !strings.Contains(out, "100,000") && !strings.Contains(out, "100000") {
		t.Errorf("the answer does not say how many parts it saw: %q", out)
	}
	bad := w.write("bad.yaml", largeYAML(parts)+"  last: {job: 'true', after: p100000}\n")
	code, _, errs := w.run("check", bad)
	if code != 2 || !strings.Contains(errs, "p100000") {
		t.Errorf("an edge to a part that is not there: exit %d, %q", code, errs)
	}
}

func largeYAML(parts int) string {
	var b strings.Builder
	b.WriteString("jobnet: large/flow\nparams: {x: {default: a}}\nparts:\n")
	for i := range parts {
		fmt.Fprintf(&b, "  p%d: {job: 'true'", i)
		if i >= 10 {
			fmt.Fprintf(&b, ", after: [p%d, p%d]", i-10, i-7)
		}
		b.WriteString("}\n")
	}
	return b.String()
}
