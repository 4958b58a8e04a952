package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/bantoops/banto"
)

// backupSilence is how long a backup may send nothing.
const backupSilence = time.Minute

// Backup gives a backup of the store as it is now. The stream ends with a
// trailer: whoever keeps it must look whether it came.
func (c *Client) Backup(ctx context.Context) (io.ReadCloser, error) {
	if c.err != nil {
		return nil, c.err
	}
	in := call{method: http.MethodGet, path: "/backup", header: map[string]string{"Accept": "application/octet-stream"}}
	for t := c.trying(in); ; {
		d := c.door()
		body, err := d.backup(ctx, in)
		if err == nil || !t.another(ctx, d, err) {
			return body, err
		}
	}
}

// backup asks one manager.
func (c door) backup(ctx context.Context, in call) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	b := &backup{c: c, ctx: ctx, cancel: cancel, silence: time.AfterFunc(backupSilence, func() { cancel(errSilent) })}
	traced, sent := sending(ctx)
	req, err := c.request(traced, in, nil)
	if err != nil {
		b.end()
		return nil, err
	}
	res, err := c.http.Do(req) //nolint:bodyclose // closed with the backup
	if err != nil {
		e := unsent(b.broken(err), sent)
		b.end()
		return nil, e
	}
	b.body = res.Body
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20)) // what came is judged by its form
		_ = b.Close()
		return nil, c.refusal(res, text)
	}
	return b, nil
}

// backup is the stream of one.
type backup struct {
	c       door
	ctx     context.Context //nolint:containedctx // of the request, which ends with the reader
	cancel  context.CancelCauseFunc
	silence *time.Timer
	body    io.ReadCloser
}

func (b *backup) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if n > 0 {
		b.silence.Reset(backupSilence)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, b.broken(err)
	}
	return n, err
}

// broken says why a backup broke off.
func (b *backup) broken(err error) *banto.ErrorInfo {
	if cause := context.Cause(b.ctx); errors.Is(cause, errSilent) {
		return banto.Fail(banto.KindUnreachable, "the backup from "+b.c.base+" broke off", cause.Error(), "").Because(cause)
	}
	return b.c.unreachable(b.ctx, err, backupSilence)
}

func (b *backup) end() {
	b.silence.Stop()
	b.cancel(nil)
}

// Close ends it.
func (b *backup) Close() error {
	defer b.end()
	return b.body.Close()
}
