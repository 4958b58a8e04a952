package runner

import (
	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

// Recalled takes what a host's keeper knows of attempts.
func (r *Runner) Recalled(id banto.HostID, attempts []fabric.RecalledAttempt, last, whole bool) {}
