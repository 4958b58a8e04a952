package keeper

import "net"

// writeNow would write what takes no waiting: pipes cannot say here what does.
func writeNow(net.Conn, []byte) int { return 0 }
