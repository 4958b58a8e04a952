//go:build linux

package main

import (
	"testing"

	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/job/jobnet/jobyaml"
)

// What rows apply is a definition, and has as many parts as the row says.
func TestDefinitions(t *testing.T) {
	for text, parts := range map[string]int{
		flat("bench/flat", 5000, "job: 'true'"):      5000,
		inRow("bench/row", 500, "run: [date, '+%']"): 500,
		hundredParts("bench/long", 19):               100,
		large(1000):                                  1000,
		large(10_000):                                10_000,
	} {
		docs, problems := jobyaml.Parse("bench.yaml", []byte(text))
		if len(problems) > 0 || len(docs) != 1 || docs[0].Jobnet == nil {
			t.Fatalf("%v %d in %.200s", problems, len(docs), text)
		}
		if _, problems := jobnet.Compile(docs[0].Jobnet, nil); len(problems) > 0 || len(docs[0].Jobnet.Parts) != parts {
			t.Errorf("%s has %d parts, not %d: %v", docs[0].Jobnet.Path, len(docs[0].Jobnet.Parts), parts, problems)
		}
	}
}
