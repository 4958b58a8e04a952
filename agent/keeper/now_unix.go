//go:build unix

package keeper

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// writeNow writes as much as takes no waiting, and says how much that was. Nobody
// else may be writing. An error shows at the next write.
func writeNow(conn net.Conn, p []byte) int {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	n := 0
	err = raw.Write(func(fd uintptr) bool {
		n, err = unix.Write(int(fd), p)
		return true
	})
	if err != nil {
		return 0
	}
	return max(n, 0)
}
