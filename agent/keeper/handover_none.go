//go:build unix && !linux

package keeper

import (
	"net"
	"os"
	"runtime"

	"github.com/bantoops/banto"
)

// handover is what a keeper leaves to the binary that it becomes: on Linux
// alone.
type handover struct {
	Allow        Allow
	Queue        []Start
	lock, socket *os.File
}

type handing struct{}

type replacement struct{}

// replace says that it cannot be done here.
func (k *keeper) replace(exe string) {
	why := "the keeper stays version " + k.hello.Version + ", as it cannot become " + exe +
		": on " + runtime.GOOS + " a keeper is replaced only once it has ended"
	for s := range k.sessions {
		s.tell(Event{NotReplaced: why})
	}
}

func (k *keeper) replacing(*replacement) {}

func (k *keeper) handOver() bool { return false }

func (k *keeper) startNext() {}

func inherit() (*handover, error) { return nil, nil } //nolint:nilnil // nothing, and nothing wrong

func (k *keeper) regainJobs(*handover) {}

func listenOn(*os.File) (net.Listener, error) {
	return nil, banto.Fail(banto.KindInternal, "cannot open the keeper's socket", "", "")
}
