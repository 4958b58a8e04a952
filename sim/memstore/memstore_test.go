package memstore_test

import (
	"crypto/rand"
	"testing"

	"github.com/bantoops/banto/sim/memstore"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/storetest"
)

func TestItIsAStore(t *testing.T) {
	storetest.Exercise(t, func(*testing.T) storetest.Place {
		shelf := memstore.NewShelf(rand.Text())
		return func(*testing.T) store.Store { return memstore.Open(shelf, memstore.Options{}) }
	})
}
