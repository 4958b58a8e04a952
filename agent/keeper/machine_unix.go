//go:build unix

package keeper

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// machineOf says what can be seen of the machine and of the directory. Only
// root may read the number that the maker gave; the directory's own number is
// another one in every copy, and that of its file system on every other disk.
func machineOf(dir string) machine {
	m := machine{Hardware: hashOf("/sys/class/dmi/id/product_uuid"), System: hashOf("/etc/machine-id")}
	info, err := os.Stat(dir)
	if err != nil {
		return m
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		// The file system's own number, where it has one, stays when its disk is
		// found under another name after a restart.
		fs := fmt.Sprint(st.Dev)
		var stat unix.Statfs_t
		if unix.Statfs(dir, &stat) == nil && stat.Fsid.Val != [2]int32{} {
			fs = fmt.Sprint(stat.Fsid.Val)
		}
		m.Dir = hashText(fmt.Sprint(st.Ino, " ", fs))
	}
	return m
}

func hashOf(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return hashText(strings.TrimSpace(string(text)))
}

func hashText(s string) string {
	if s == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}
