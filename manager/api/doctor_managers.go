package api

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// managers looks at the lease and at the managers that share the store. One
// that is alone has neither.
func (d *doctor) managers(ctx context.Context) {
	if !d.s.Store.Shared() {
		return
	}
	lease, err := d.s.Store.Lease(ctx)
	blocker, blocked := d.s.blocker()
	switch {
	case err != nil:
		return // that the store does not answer has been said
	case lease.Holder == "":
		d.bad("lease", "", "no manager is the active one", "wait a few seconds; if none takes over, the managers' logs say why")
	case lease.Age > leaseOld && blocked:
		found := fmt.Sprintf("it was last renewed %s ago: %s", lease.Age.Round(time.Second), blocker)
		if blocker.Query != "" {
			found += "; its last statement: " + plain(blocker.Query, 100)
		}
		d.bad("lease", lease.Holder, found, blocker.Advice())
	case lease.Age > leaseOld:
		d.bad("lease", lease.Holder, fmt.Sprintf("it was last renewed %s ago", lease.Age.Round(time.Second)), "does the active manager run, and does it reach the store?")
	default:
		d.good("lease", fmt.Sprintf("held by %s, renewed %s ago", lease.Holder, lease.Age.Round(100*time.Millisecond)))
	}
	all, err := d.s.managers(ctx)
	if err != nil {
		return
	}
	var heard, silent []string
	for _, m := range all {
		switch {
		case m.Silent == 0:
			heard = append(heard, m.Name)
			if m.Unreached != "" {
				d.bad("managers", m.Name, "from "+d.s.Name+", "+m.Unreached, "let managers reach each other: what one that stands by is asked is passed on, and fails without that")
			}
		case !m.Active:
			silent = append(silent, m.Name)
			d.bad("managers", m.Name, "nothing was heard of it since "+d.since(m.SeenAt), "start it again: while it is silent it cannot take over")
		}
		if m.Version != "" && m.Version != d.s.Version.Version {
			d.bad("managers", m.Name, "it is "+m.Version+", and this one "+d.s.Version.Version, "bring all managers to the same version")
		}
	}
	switch {
	case len(heard) > 1:
		d.good("managers", fmt.Sprintf("%d are heard: %s", len(heard), strings.Join(heard, ", ")))
	case len(silent) == 0:
		d.bad("managers", "", "there is one only: nobody takes over when it dies", "start a second one on another machine with the same --store")
	}
}
