package jobyaml

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/bantoops/banto/job/jobnet"
)

// large is a jobnet of n parts in ten ways side by side, each with an
// expression.
func large(n int, condition bool) []byte {
	var b bytes.Buffer
	b.WriteString("jobnet: bench/large\nparts:\n")
	for i := range n {
		fmt.Fprintf(&b, "  p%d:\n    sets: {n: integer}\n", i)
		if i < 10 {
			b.WriteString("    job: echo n=1 >> \"$BANTO_VARS\"\n")
			continue
		}
		fmt.Fprintf(&b, "    after: p%d\n    run: [work, \"${p%d.n}\"]\n", i-10, i-10)
		if condition {
			fmt.Fprintf(&b, "    when: p%d.n > %d\n", i-10, i)
		}
	}
	return b.Bytes()
}

func BenchmarkCheck(b *testing.B) {
	for _, c := range []struct {
		name      string
		condition bool
	}{{"plain references", false}, {"conditions", true}} {
		b.Run(c.name, func(b *testing.B) {
			text := large(100_000, c.condition)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				docs, problems := Parse("large.yaml", text)
				if len(problems) > 0 {
					b.Fatal(told(problems))
				}
				if _, problems := jobnet.Compile(docs[0].Jobnet, nil); len(problems) > 0 {
					b.Fatal(told(problems))
				}
			}
		})
	}
}
