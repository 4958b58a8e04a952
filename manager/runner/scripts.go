package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/bantoops/banto"
)

// maxInline is the longest script that an order carries itself, in bytes. The
// agent fetches a longer one by its hash.
const maxInline = 64 << 10

// maxScripts is how many scripts are remembered to be in the store.
const maxScripts = 10_000

// scriptKey names a script: that of a part of a flow.
type scriptKey struct {
	flow string // its hash
	part string
}

// sent gives what an order carries of a Spec: a long script goes into the store
// with it, and only its hash to the host.
func (b *batch) sent(id banto.TrackerID, spec banto.Spec) banto.Spec {
	if len(spec.Script) <= maxInline {
		return spec
	}
	// The items of a part have its script.
	k := scriptKey{part: partName(spec.Part)}
	if t := b.mem.trackers[id]; t != nil {
		k.flow = t.Row().Flow
	}
	hash := b.r.scripts[k]
	if hash == "" {
		hash = b.named[k]
	}
	if hash == "" {
		sum := sha256.Sum256([]byte(spec.Script))
		hash = hex.EncodeToString(sum[:])
		b.scripts.put(hash, []byte(spec.Script))
		if b.named == nil {
			b.named = make(map[scriptKey]string)
		}
		b.named[k] = hash
	}
	spec.Script, spec.ScriptHash = "", hash
	return spec
}

// keepScripts remembers the scripts that a batch has brought into the store.
func (r *Runner) keepScripts(b *batch) {
	if len(r.scripts)+len(b.named) > maxScripts {
		clear(r.scripts)
	}
	for k, hash := range b.named {
		r.scripts[k] = hash
	}
}

// partName gives the part of the definition that a key belongs to: that of an
// item, "copy[db01]", is "copy".
func partName(key banto.PartKey) string {
	name, _, _ := strings.Cut(string(key), "[")
	return name
}
