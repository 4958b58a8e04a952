package keeper

import "golang.org/x/sys/windows"

// freeBytes says how much we can still write to the disk of a directory.
func freeBytes(dir string) (int64, bool) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, false
	}
	var ours, total, free uint64
	if err := windows.GetDiskFreeSpaceEx(path, &ours, &total, &free); err != nil {
		return 0, false
	}
	return int64(min(ours, 1<<62)), true
}
