package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/notice"
	"github.com/bantoops/banto/store"
)

// mountBackup mounts the stream of a backup.
func mountBackup(s *server, _ route, op huma.Operation) {
	op.Responses = map[string]*huma.Response{"200": {
		Description: "A backup that banto restore takes. It ends with a trailer: one that has none broke off.",
		Content:     map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}}
	huma.Register(s.api, op, func(ctx context.Context, _ *none) (*huma.StreamResponse, error) {
		if err := s.mayBackUp(ctx); err != nil {
			return nil, s.refuse(ctx, err)
		}
		return &huma.StreamResponse{Body: s.backup}, nil
	})
}

// mayBackUp says whether there can be a backup, and puts it on record: it
// holds all that the store does. A standby that answers because no manager is
// active can keep no record but its log.
func (s *server) mayBackUp(ctx context.Context) error {
	const what = "cannot take a backup"
	if s.Backup == nil {
		return banto.Fail(banto.KindUnavailable, what, "this manager cannot give its store out", "")
	}
	by := principal(ctx)
	s.Log.Warn("a backup is taken", "by", by.Name)
	if !s.leads() {
		return nil
	}
	entry := audit.Done(s.Now(), by, audit.ManagerBackup, "", "")
	if err := s.Store.Write(ctx, func(tx store.Tx) error { return tx.PutAudit(entry) }); err != nil {
		return storeError(what, "", "", err)
	}
	return nil
}

// backup sends a backup. One at a time: each reads the whole store.
func (s *server) backup(hc huma.Context) {
	r, w := humago.Unwrap(hc)
	select {
	case s.backups <- struct{}{}:
		defer func() { <-s.backups }()
	default:
		e := banto.Fail(banto.KindTooMany, "cannot take a backup", "another one is being taken", "try again when it has ended")
		s.refuse(hc.Context(), e).write(requestOf(hc.Context()).w)
		return
	}
	hc.SetHeader("Content-Type", "application/octet-stream")
	hc.SetHeader("Content-Disposition", `attachment; filename="banto-`+s.Now().UTC().Format("20060102-150405")+`.backup"`)
	if r.Method == http.MethodHead {
		return
	}
	out := &paced{ResponseWriter: w, control: http.NewResponseController(w), now: s.Now}
	// What follows may take a while: whoever asked knows at once that it comes.
	out.WriteHeader(http.StatusOK)
	_ = out.control.Flush() // the caller is gone if this fails
	if err := s.Backup(hc.Context(), out); err != nil {
		s.Log.Error("a backup broke off", "request", requestOf(hc.Context()).id, "error", err)
		s.Notices.Tell(notice.BackupFailed, "by", principal(hc.Context()).Name, "why", err.Error())
		panic(http.ErrAbortHandler) //nolint:forbidigo // half a backup must not look like a whole one
	}
	s.Notices.Tell(notice.BackupDone, "by", principal(hc.Context()).Name)
}
