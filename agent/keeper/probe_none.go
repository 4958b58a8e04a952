//go:build unix && !linux

package keeper

// try has no thread to lose here: what was looked at has answered.
func (p *plan) try(*look) {}
