package jobnet

import (
	"time"

	"github.com/bantoops/banto"
)

// Flow is what the engine runs: a jobnet with its folders' defaults merged in,
// edges as indices, and expressions typed. It is immutable and may be shared.
// Its JSON encoding is canonical and complete; the store keeps it under its
// hash, and a tracker runs the flow it started with, whatever is applied later.
type Flow struct {
	Jobnet   string     `json:"jobnet"`
	Title    string     `json:"title,omitempty"`
	Timezone string     `json:"timezone,omitempty"`
	OnError  OnError    `json:"on_error"` // never empty
	Params   []Param    `json:"params,omitempty"`
	Parts    []FlowPart `json:"parts"`

	byName map[string]int
}

// FlowPart is one part of a flow. Parts keep the order of the definition.
type FlowPart struct {
	Name   string `json:"name"`
	Title  string `json:"title,omitempty"`
	Kind   Kind   `json:"kind"`
	Script string `json:"script,omitempty"`
	Args   []Text `json:"args,omitempty"`
	// Ways are those out of a branch, else last if there is one.
	Ways  []FlowWay     `json:"ways,omitempty"`
	End   banto.Outcome `json:"end,omitempty"` // of an end: what it ends with
	Wait  *Wait         `json:"wait,omitempty"`
	Call  *FlowCall     `json:"call,omitempty"` // of a jobnet
	After []Edge        `json:"after,omitempty"`
	Join  Join          `json:"join"` // never empty
	When  *Condition    `json:"when,omitempty"`
	Heals bool          `json:"heals,omitempty"`
	Dir   Text          `json:"dir,omitzero"`
	Env   []FlowEnv     `json:"env,omitempty"` // folder, jobnet and part, later ones of one name win
	// Host is a host or a group by name; empty, and without HostLabels: the
	// host beside the manager.
	Host       Text          `json:"host,omitzero"`
	HostLabels []HostLabel   `json:"host_labels,omitempty"` // in place of Host; sorted by name
	PerPart    bool          `json:"per_part,omitempty"`    // choose a host of the group or labels anew for this part
	Account    string        `json:"account,omitempty"`
	Shell      string        `json:"shell,omitempty"`   // empty: the host's own kind
	Delayed    bool          `json:"delayed,omitempty"` // of cmd: variables as !name!
	Encoding   string        `json:"encoding,omitempty"`
	Limits     *banto.Limits `json:"limits,omitempty"`
	Rerun      Rerun         `json:"rerun,omitempty"`      // empty: yes
	OnLost     OnLost        `json:"on_lost,omitempty"`    // empty: wait
	LostAfter  time.Duration `json:"lost_after,omitempty"` // without contact; only with OnLost, then never 0
	Timeout    time.Duration `json:"timeout,omitempty"`
	Retry      *Retry        `json:"retry,omitempty"`
	Exit       *ExitRules    `json:"exit,omitempty"`
	Sets       []Set         `json:"sets,omitempty"`
	// OutputUsed says that some expression of the flow reads this part's output.
	OutputUsed bool `json:"output_used,omitempty"`

	// Next lists the edges that leave this part; made from After.
	Next []NextEdge `json:"-"`
}

// FlowWay is one way out of a branch.
type FlowWay struct {
	Outlet Outlet     `json:"outlet"`
	When   *Condition `json:"when,omitempty"` // nil: else
}

// Edge is an edge seen from the part it leads to: From is an index into
// Flow.Parts.
type Edge struct {
	From   int    `json:"from"`
	Outlet Outlet `json:"outlet"`
}

// NextEdge is an edge seen from the part it leaves: the To-th part's After[N].
type NextEdge struct {
	To int
	N  int
}

// HostLabel is one label that a host must have. Value may hold ${…}; what it
// gives must be a label's value (ValidLabel).
type HostLabel struct {
	Name  string `json:"name"`
	Value Text   `json:"value"`
}

// FlowEnv is one environment variable of a flow's part.
type FlowEnv struct {
	Name  string `json:"name"`
	Value Text   `json:"value"`
}

// Part gives the index of the part with that name, or -1.
func (f *Flow) Part(name string) int {
	if i, ok := f.byName[name]; ok {
		return i
	}
	return -1
}
