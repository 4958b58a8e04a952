//go:build unix && !linux

package keeper

import (
	"os"
	"runtime"
	"syscall"

	"github.com/bantoops/banto"
)

// groups are the control groups of attempts with limits: Linux has them.
type groups struct{}

func openGroups(string) *groups { return nil }

func (g *groups) make(banto.AttemptID, banto.Limits) (path string, set map[string]bool, why string) {
	return "", nil, runtime.GOOS + " has no control groups"
}

func intoGroup(*syscall.SysProcAttr, *os.File) {}

func killGroup(string) {}

func endGroup(string) (outOfMemory bool) { return false }

// gently makes a process; its nice value is set behind that, by setNice.
func (p *plan) gently(process func() (int, error)) (int, error) { return process() }
