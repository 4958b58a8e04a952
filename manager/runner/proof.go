package runner

import (
	"fmt"
	"time"

	"github.com/bantoops/banto"
)

// proof is the audit row of a change, kept from the time when it was tried
// first: a transaction whose answer was lost may have been written all the
// same, and this row tells. It is for changes that no tracker's revision shows.
type proof struct{ entry *banto.AuditEntry }

// keep remembers the row.
func (p *proof) keep(entry banto.AuditEntry) { p.entry = &entry }

// written says whether the change was tried before and is in the store.
func (p *proof) written(b *batch) (bool, error) {
	if p.entry == nil {
		return false, nil
	}
	want := *p.entry
	rows, err := b.r.opt.Store.ListAudit(b.ctx, want.Object, 0, maxBatch)
	if err != nil {
		return false, fmt.Errorf("cannot read the audit trail of %s: %w", want.Object, err)
	}
	for _, row := range rows {
		if row.At.Equal(want.At.Truncate(time.Microsecond)) && row.Principal == want.Principal &&
			row.Action == want.Action && row.Detail == want.Detail {
			return true, nil
		}
	}
	return false, nil
}
