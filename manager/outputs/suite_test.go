package outputs

import (
	"testing"

	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/storetest"
)

func TestSuite(t *testing.T) {
	storetest.ExerciseOutputs(t, func(t *testing.T) storetest.OutputsPlace {
		dir := t.TempDir()
		return func(t *testing.T) store.Outputs { return open(t, dir) }
	})
}
