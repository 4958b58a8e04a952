//go:build unix

package keeper

import (
	"os"

	"golang.org/x/sys/unix"
)

// freeBytes says how much we can still write to the disk of a directory.
func freeBytes(dir string) (int64, bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil || st.Blocks == 0 {
		return 0, false
	}
	blocks := st.Bavail
	if os.Geteuid() == 0 { // for whom some are set aside
		blocks = st.Bfree //nolint:unconvert // the types differ between systems
	}
	return int64(blocks) * int64(st.Bsize), true //nolint:unconvert,gosec // as above
}
