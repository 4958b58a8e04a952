package designs

import (
	"context"
	"fmt"
	"strings"

	"github.com/bantoops/banto"
)

// maxDepth is how many jobnets may run one inside another; manager/runner holds to it.
const maxDepth = 30

// maxCalls is how many jobnets one may run, directly and through others.
const maxCalls = 10_000

// Calls gives all jobnets that one runs, directly and through others, by their
// paths, as they are in use now. One that comes round to itself is refused.
func (d *Designs) Calls(ctx context.Context, r Resolved) (map[string]Resolved, error) {
	out := map[string]Resolved{}
	var chain []string
	var visit func(r Resolved) error
	visit = func(r Resolved) error {
		if len(chain) > maxDepth {
			return banto.Fail(banto.KindConflict, "cannot use jobnet "+chain[0], fmt.Sprintf("jobnets run one inside another more than %d deep", maxDepth), "run some of them side by side")
		}
		chain = append(chain, r.Flow.Jobnet)
		defer func() { chain = chain[:len(chain)-1] }()
		for _, path := range r.Flow.Calls() {
			what := "cannot use jobnet " + chain[0]
			for i, above := range chain {
				if above == path {
					return banto.Fail(banto.KindConflict, what, "the jobnets run each other in a circle: "+strings.Join(append(chain[i:len(chain):len(chain)], path), " → "), "take one of these calls away")
				}
			}
			if _, known := out[path]; known {
				continue
			}
			if len(out) == maxCalls {
				return banto.Fail(banto.KindConflict, what, fmt.Sprintf("it runs more than %d jobnets", maxCalls), "cut it into several")
			}
			called, err := d.Resolve(ctx, path)
			if banto.KindOf(err) == banto.KindNotFound {
				return banto.Fail(banto.KindConflict, what, fmt.Sprintf("there is no jobnet %s, which %s runs", path, r.Flow.Jobnet), "apply it").Because(err)
			}
			if err != nil {
				return err
			}
			out[path] = called
			if err := visit(called); err != nil {
				return err
			}
		}
		return nil
	}
	if err := visit(r); err != nil {
		return nil, err
	}
	return out, nil
}
