//go:build linux

package vm_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bantoops/banto/scripts/words"
)

// shareConf is for nfs-ganesha: one file system in memory, NFS 4.1 on loopback.
// What is in a file beyond Inode_Size is not kept.
// A client that is not heard of keeps what it has open for two minutes.
const shareConf = `
NFS_CORE_PARAM { Protocols = 4; NFS_Port = %d; Bind_addr = 127.0.0.1; Enable_NLM = false; Enable_RQUOTA = false; }
NFSV4 { Graceless = true; Minor_Versions = 1; Lease_Lifetime = 120; RecoveryBackend = fs; RecoveryRoot = %q; }
NFS_KRB5 { Active_krb5 = false; }
MEM { Inode_Size = 65536; }
EXPORT {
	Export_Id = 1; Path = /; Pseudo = /; Access_Type = RW; Squash = No_Root_Squash; SecType = sys;
	Protocols = 4; Transports = TCP;
	FSAL { Name = MEM; }
}
`

// shareMount is how the guest mounts it: as is usual, and as it is without further
// words, whoever asks waits for an answer as long as it takes.
const shareMount = `for m in /more/*; do insmod $m; done
mount -t nfs4 -o addr=10.0.2.2,clientaddr=10.0.2.15,port=%d,vers=4.1,proto=tcp,hard 10.0.2.2:/ /share`

// share starts an NFS server here and mounts it in the guest.
func share(ts *testscript.TestScript, neg bool, args []string) {
	r := running(ts, neg, args, 0)
	if r.share != nil {
		ts.Fatalf("there is a share already")
	}
	port, err := freePort()
	ts.Check(err)
	conf, log := filepath.Join(r.dir, "share.conf"), filepath.Join(r.dir, "share.log")
	ts.Check(os.WriteFile(conf, fmt.Appendf(nil, shareConf, port, r.dir), 0o600))
	server, err := program("ganesha.nfsd")
	ts.Check(err)
	r.share = exec.Command(server, "-F", "-f", conf, "-L", log, "-p", filepath.Join(r.dir, "share.pid"), "-N", "EVENT")
	r.share.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ts.Check(r.share.Start())
	ended := make(chan struct{})
	go func() {
		r.share.Wait()
		close(ended)
	}()
	ts.Defer(func() {
		r.share.Process.Kill() // one that has ended already is fine
		<-ended
		if text, err := os.ReadFile(log); err == nil {
			ts.Logf("[share]\n%s", text)
		}
	})
	if !words.Within(patience, func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err == nil {
			c.Close()
		}
		return err == nil
	}) {
		ts.Fatalf("the NFS server does not come up")
	}
	if out, code, err := r.guest.run(fmt.Sprintf(shareMount, port)); err != nil || code != 0 {
		ts.Fatalf("the share cannot be mounted: %v\n%s", err, out)
	}
}

// freePort gives one that nobody listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
