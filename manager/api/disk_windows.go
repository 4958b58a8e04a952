package api

import "golang.org/x/sys/windows"

// FreeSpace gives the free bytes under a directory, and how many there are.
func FreeSpace(dir string) (free, size uint64, err error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	err = windows.GetDiskFreeSpaceEx(path, &free, &size, nil)
	return free, size, err
}
