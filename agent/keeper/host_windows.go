package keeper

import (
	"context"
	"net"

	"github.com/bantoops/banto"
)

func errNoWindows() error {
	return banto.Fail(banto.KindInvalid, "cannot run jobs on this host",
		"jobs on Windows hosts are not supported by this version", "run the manager and its commands here, and jobs on Linux or macOS")
}

// Main is the keeper process. This version has none for Windows.
func Main(context.Context, Options) error { return errNoWindows() }

func dialOrStart(context.Context, ClientOptions) (net.Conn, error) { return nil, errNoWindows() }
