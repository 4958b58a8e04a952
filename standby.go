package banto

// StandbyHeader is on an answer of 503 that a manager gives because it is not
// the active one, or has ceased to be: what has become of the request.
const StandbyHeader = "Banto-Standby"

// What StandbyHeader says.
const (
	StandbyNotTaken = "not-taken" // nothing was done about it: another manager may be asked
	StandbyBrokeOff = "broke-off" // it may have been done
)

// AliveHeader is on an event stream: a comment shows at least every so many
// seconds that it lives.
const AliveHeader = "Banto-Alive"
