//go:build unix

package api

import "golang.org/x/sys/unix"

// FreeSpace gives the free bytes under a directory, and how many there are.
func FreeSpace(dir string) (free, size uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, err
	}
	block := uint64(st.Bsize)                                        //nolint:gosec // a size is not negative
	return uint64(st.Bavail) * block, uint64(st.Blocks) * block, nil //nolint:unconvert,gosec // their types differ by system
}
