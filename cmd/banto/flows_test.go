//go:build unix

package main_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
)

// rounds says how often a round is played: a few by default, more where
// BANTO_ROUNDS asks for it.
func rounds(few int) int {
	if n, err := strconv.Atoi(os.Getenv("BANTO_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return few
}

// TestRandomFlowsRunEveryPartOnceAndInOrder runs flows of 1,000 parts with
// random fan-in and fan-out. Each job appends its name when it begins and
// again when it ends, so the file is a history of what really happened.
func TestRandomFlowsRunEveryPartOnceAndInOrder(t *testing.T) {
	w := newWorld(t)
	for seed := range uint64(rounds(3)) {
		edges := randomEdges(rand.New(rand.NewPCG(seed, 1)), 1000)
		history := fmt.Sprintf("history-%d", seed)
		w.must("apply", "-f", w.write("flow.yaml", flowYAML("round/flow", w.dir+"/"+history, edges)))
		tracker, state := submitted(t, w.must("submit", "round/flow", "--wait", "--json"))
		if state != "ok" {
			t.Fatalf("seed %d: tracker %s ended %s", seed, tracker, state)
		}
		if err := checkHistory(w.lines(history), edges); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// randomEdges gives, for each part, the parts before it.
func randomEdges(r *rand.Rand, parts int) [][]int {
	edges := make([][]int, parts)
	for i := 1; i < parts; i++ {
		fan := 0
		switch r.IntN(10) {
		case 0: // begins by itself
		case 1:
			fan = 1 + r.IntN(20)
		default:
			fan = 1 + r.IntN(3)
		}
		seen := map[int]bool{}
		for range fan {
			// Some near, some far: chains and wide merges in one flow.
			before := r.IntN(i)
			if r.IntN(2) == 0 {
				before = max(0, i-1-r.IntN(10))
			}
			if !seen[before] {
				seen[before] = true
				edges[i] = append(edges[i], before)
			}
		}
	}
	return edges
}

func flowYAML(jobnet, history string, edges [][]int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "jobnet: %s\nenv: {HISTORY: '%s'}\nparts:\n", jobnet, history)
	for i, before := range edges {
		fmt.Fprintf(&b, "  p%d:\n    job: echo b%d >> \"$HISTORY\"; echo e%d >> \"$HISTORY\"\n", i, i, i)
		if len(before) > 0 {
			names := make([]string, len(before))
			for n, j := range before {
				names[n] = "p" + strconv.Itoa(j)
			}
			fmt.Fprintf(&b, "    after: [%s]\n", strings.Join(names, ", "))
		}
	}
	return b.String()
}

// checkHistory says what is wrong with a history of "b3" and "e3".
func checkHistory(lines []string, edges [][]int) error {
	began, ended := map[int]int{}, map[int]int{}
	for at, line := range lines {
		n, err := strconv.Atoi(line[1:])
		if err != nil {
			return fmt.Errorf("line %d is %q", at, line)
		}
		which := began
		if line[0] == 'e' {
			which = ended
		}
		if _, twice := which[n]; twice {
			return fmt.Errorf("part p%d ran twice", n)
		}
		which[n] = at
	}
	for i, before := range edges {
		at, ran := began[i]
		if _, whole := ended[i]; !ran || !whole {
			return fmt.Errorf("part p%d did not run to its end", i)
		}
		for _, j := range before {
			if ended[j] > at {
				return fmt.Errorf("part p%d began before p%d had ended", i, j)
			}
		}
	}
	return nil
}
