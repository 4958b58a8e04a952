//go:build !linux

package spare

import (
	"errors"
	"os"
)

// makeSpare cannot make files without names here.
func makeSpare(string, int, os.FileMode) (int, error) { return 0, errors.ErrUnsupported }

func nameSpare(int, string) bool { return false }

func closeSpare(int) {}
