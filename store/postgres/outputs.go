package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

const (
	// pieceSize bounds a piece, and with it what a read takes too much.
	pieceSize = 64 << 10
	// knownSizes bounds how many sizes are remembered.
	knownSizes = 50_000
	// removedAtOnce is how many pieces one statement removes.
	removedAtOnce = 256
)

// outputs keeps what attempts printed in a table of pieces.
type outputs struct {
	s    *Store
	pool *pgxpool.Pool

	mu    sync.Mutex
	sizes map[banto.AttemptID]int64 // as far as we know; the database knows better
}

var _ store.Outputs = (*outputs)(nil)

func newOutputs(s *Store, pool *pgxpool.Pool) *outputs {
	return &outputs{s: s, pool: pool, sizes: map[banto.AttemptID]int64{}}
}

func (o *outputs) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), o.s.opt.Patience)
}

func (o *outputs) known(id banto.AttemptID) (int64, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	size, ok := o.sizes[id]
	return size, ok
}

func (o *outputs) note(id banto.AttemptID, size int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.sizes) >= knownSizes {
		clear(o.sizes)
	}
	o.sizes[id] = size
}

// Write implements store.Outputs.
func (o *outputs) Write(id banto.AttemptID, offset int64, data []byte) (int64, error) {
	tracker, attempt, err := id.Split()
	if err != nil {
		return 0, fmt.Errorf("cannot write output: %w", err)
	}
	if offset < 0 {
		return 0, fmt.Errorf("cannot write output of %s: offset %d", id, offset)
	}
	ctx, cancel := o.context()
	defer cancel()
	size, ok := o.known(id)
	for sure := ok; ; sure = true {
		if !sure {
			if size, err = o.size(ctx, tracker, attempt); err != nil {
				return 0, fmt.Errorf("cannot write output of %s: %w", id, err)
			}
			o.note(id, size)
		}
		before := size
		size, err = o.append(ctx, tracker, attempt, size, offset, data)
		if err != nil {
			return size, fmt.Errorf("cannot write output of %s: %w", id, err)
		}
		if size >= offset+int64(len(data)) {
			o.note(id, size)
			return size, nil
		}
		// Another manager has written here, the server has lost its last pieces,
		// or they were removed: what is there counts.
		now, err := o.size(ctx, tracker, attempt)
		if err != nil {
			return size, fmt.Errorf("cannot write output of %s: %w", id, err)
		}
		o.note(id, now)
		if offset > now {
			return now, &store.GapError{Attempt: id, Offset: offset, Size: now}
		}
		if now == before && now == size {
			return now, fmt.Errorf("cannot write output of %s at %d", id, now)
		}
		size = now
	}
}

// insertPiece adds a piece where the one before it ended, or nothing.
const insertPiece = "INSERT INTO outputs (tracker, attempt, start, body) SELECT $1, $2, $3, $4 WHERE $3::bigint = 0 OR EXISTS (" +
	"SELECT 1 FROM (SELECT start + length(body) AS until FROM outputs WHERE tracker = $1 AND attempt = $2 AND start < $3" +
	" ORDER BY start DESC LIMIT 1) AS last WHERE until = $3) ON CONFLICT (tracker, attempt, start) DO NOTHING"

// append writes what of data lies behind size, as far as the pieces fit on to
// what is there, and gives the size then.
func (o *outputs) append(ctx context.Context, tracker banto.TrackerID, attempt int, size, offset int64, data []byte) (int64, error) {
	for offset <= size && size < offset+int64(len(data)) {
		piece := data[size-offset:]
		piece = piece[:min(len(piece), pieceSize)]
		tag, err := o.pool.Exec(ctx, insertPiece, string(tracker), int64(attempt), size, piece)
		if err != nil {
			return size, o.s.explain(err)
		}
		if tag.RowsAffected() == 0 {
			return size, nil
		}
		size += int64(len(piece))
	}
	return size, nil
}

func (o *outputs) size(ctx context.Context, tracker banto.TrackerID, attempt int) (size int64, err error) {
	err = o.pool.QueryRow(ctx, "SELECT start + length(body) FROM outputs WHERE tracker = $1 AND attempt = $2 ORDER BY start DESC LIMIT 1",
		string(tracker), int64(attempt)).Scan(&size)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return size, o.s.explain(err)
}

// Size implements store.Outputs.
func (o *outputs) Size(id banto.AttemptID) (int64, error) {
	tracker, attempt, err := id.Split()
	if err != nil {
		return 0, fmt.Errorf("cannot read output: %w", err)
	}
	ctx, cancel := o.context()
	defer cancel()
	size, err := o.size(ctx, tracker, attempt)
	if err != nil {
		return 0, fmt.Errorf("cannot read output of %s: %w", id, err)
	}
	return size, nil
}

// Read implements store.Outputs.
func (o *outputs) Read(id banto.AttemptID, offset int64, max int) ([]byte, int64, error) {
	tracker, attempt, err := id.Split()
	if err != nil {
		return nil, 0, fmt.Errorf("cannot read output: %w", err)
	}
	if offset < 0 || max < 0 {
		return nil, 0, fmt.Errorf("cannot read output of %s: %d bytes at %d", id, max, offset)
	}
	ctx, cancel := o.context()
	defer cancel()
	data, size, err := o.read(ctx, tracker, attempt, offset, max)
	if err != nil {
		return nil, 0, fmt.Errorf("cannot read output of %s: %w", id, o.s.explain(err))
	}
	return data, size, nil
}

func (o *outputs) read(ctx context.Context, tracker banto.TrackerID, attempt int, offset int64, most int) ([]byte, int64, error) {
	size, err := o.size(ctx, tracker, attempt)
	if err != nil || offset >= size {
		return nil, size, err
	}
	until := min(size, offset+int64(most))
	rows, err := o.pool.Query(ctx, "SELECT start, body FROM outputs WHERE tracker = $1 AND attempt = $2 AND start < $4 AND start >= ("+
		"SELECT max(start) FROM outputs WHERE tracker = $1 AND attempt = $2 AND start <= $3) ORDER BY start",
		string(tracker), int64(attempt), offset, until)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	data := make([]byte, 0, until-offset)
	for rows.Next() {
		var start int64
		var body []byte
		if err := rows.Scan(&start, &body); err != nil {
			return nil, 0, err
		}
		from, to := max(offset-start, 0), min(until-start, int64(len(body)))
		if from < to {
			data = append(data, body[from:to]...)
		}
	}
	return data, size, rows.Err()
}

// Remove implements store.Outputs.
func (o *outputs) Remove(tracker banto.TrackerID) error {
	if !tracker.Valid() {
		return fmt.Errorf("cannot remove outputs: %q is not a tracker ID", tracker)
	}
	o.mu.Lock()
	for id := range o.sizes {
		if t, _, err := id.Split(); err == nil && t == tracker {
			delete(o.sizes, id)
		}
	}
	o.mu.Unlock()
	for {
		ctx, cancel := o.context()
		tag, err := o.pool.Exec(ctx, "DELETE FROM outputs WHERE ctid = ANY(ARRAY(SELECT ctid FROM outputs WHERE tracker = $1 LIMIT $2))",
			string(tracker), removedAtOnce)
		cancel()
		if err != nil {
			return fmt.Errorf("cannot remove outputs of %s: %w", tracker, o.s.explain(err))
		}
		if tag.RowsAffected() < removedAtOnce {
			return nil
		}
	}
}

// Close implements store.Outputs. The store's own Close ends the connections.
func (o *outputs) Close() error { return nil }
