package api

import (
	"context"
	"strconv"

	"github.com/bantoops/banto"
)

type listAuditIn struct {
	PageQuery
	Object string `query:"object" maxLength:"1024" doc:"Only of this jobnet, tracker or folder"`
}

// listAudit lists who did what, newest first.
func (s *server) listAudit(ctx context.Context, in *listAuditIn) (*out[banto.AuditEntry], error) {
	before, err := in.number()
	if err != nil {
		return nil, err
	}
	rows, err := s.Store.ListAudit(ctx, in.Object, before, in.Limit+1)
	if err != nil {
		return nil, storeError("cannot list the audit trail", "", "", err)
	}
	return cut(rows, in.Limit, same, func(e banto.AuditEntry) string { return strconv.FormatInt(e.Seq, 10) }), nil
}
