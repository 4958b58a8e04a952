package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// maxLog is how large the keeper's log grows before it is put aside; one
// older log is kept.
const maxLog = 1 << 20

func openLog(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, logName), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the keeper's log: %w", err)
	}
	return f, nil
}

// boundedLog writes to a file that never grows far beyond maxLog. The file is
// shared with the process's standard error, so it is emptied in place.
type boundedLog struct {
	mu sync.Mutex
	f  *os.File
}

func (l *boundedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if info, err := l.f.Stat(); err == nil && info.Size() > maxLog {
		old := make([]byte, maxLog)
		n, _ := l.f.ReadAt(old, max(0, info.Size()-maxLog))
		if err := os.WriteFile(l.f.Name()+".1", old[:n], 0o600); err == nil {
			os.Truncate(l.f.Name(), 0) //nolint:errcheck // the next write tries again
		}
	}
	return l.f.Write(p)
}
