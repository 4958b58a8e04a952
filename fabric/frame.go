package fabric

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/bantoops/banto"
)

// MaxPayload is the largest message that the server takes. Frames are kept
// below MaxFrame; one that is larger than MaxPayload cannot be sent at all.
const MaxPayload = 1 << 20

// Encode writes a frame. Its version is filled in, if it says none.
func (d Down) Encode() ([]byte, error) {
	if d.Version == 0 {
		d.Version = ProtocolVersion
	}
	return encode(d)
}

// Encode writes a frame. Its version is filled in, if it says none.
func (u Up) Encode() ([]byte, error) {
	if u.Version == 0 {
		u.Version = ProtocolVersion
	}
	return encode(u)
}

// Speak tells of what version a frame is to be for a side of this version; 0:
// it is not known.
func Speak(theirs int) int {
	if theirs < 2 {
		return 2
	}
	return ProtocolVersion
}

func encode(frame any) ([]byte, error) {
	b, err := json.Marshal(frame)
	if err != nil {
		return nil, fmt.Errorf("cannot write frame: %w", err)
	}
	if len(b) > MaxPayload {
		return nil, fmt.Errorf("cannot write frame: %d bytes are more than %d", len(b), MaxPayload)
	}
	return b, nil
}

// DecodeDown reads a frame from a manager and checks that all in it is
// well-formed.
func DecodeDown(b []byte) (Down, error) {
	var d Down
	if err := json.Unmarshal(b, &d); err != nil {
		return Down{}, fmt.Errorf("cannot read frame: %w", err)
	}
	if err := checkVersion(d.Version); err != nil {
		return Down{}, err
	}
	for i := range d.Orders {
		if err := d.Orders[i].check(); err != nil {
			return Down{}, fmt.Errorf("cannot read frame: order %d: %w", i+1, err)
		}
	}
	for _, id := range d.Acks {
		if _, _, err := id.Split(); err != nil {
			return Down{}, fmt.Errorf("cannot read frame: %w", err)
		}
	}
	for _, a := range d.OutputAcks {
		if _, _, err := a.Attempt.Split(); err != nil || a.Size < 0 {
			return Down{}, fmt.Errorf("cannot read frame: wrong output acknowledgement of %q", a.Attempt)
		}
	}
	for i := range d.Scripts {
		if err := d.Scripts[i].check(); err != nil {
			return Down{}, fmt.Errorf("cannot read frame: %w", err)
		}
	}
	if err := d.checkRest(); err != nil {
		return Down{}, fmt.Errorf("cannot read frame: %w", err)
	}
	return d, nil
}

func (d *Down) checkRest() error {
	if d.Pong < 0 || len(d.Managers) > MaxManagers {
		return fmt.Errorf("pong or managers are out of bounds")
	}
	for _, end := range d.Managers {
		if len(end) > MaxEndpoint {
			return fmt.Errorf("%.80q… is too long for an address", end)
		}
	}
	if r := d.Recall; r != nil && (r.ID == "" || len(r.ID) > maxRecallID) {
		return fmt.Errorf("%.80q is not the ID of a recall", r.ID)
	}
	return nil
}

func (p *ScriptPiece) check() error {
	switch {
	case !validHash(p.Hash):
		return fmt.Errorf("%.80q is not the hash of a script", p.Hash)
	case p.Missing:
		return nil
	case p.Size < 0 || p.Size > MaxScript || p.Offset < 0 || p.Offset > p.Size || int64(len(p.Data)) > p.Size-p.Offset:
		return fmt.Errorf("script %.12s: a piece out of bounds", p.Hash)
	case len(p.Data) == 0 && p.Offset < p.Size:
		return fmt.Errorf("script %.12s: a piece without content", p.Hash)
	}
	return nil
}

// validHash says whether a text is the hex of a SHA-256.
func validHash(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func (o *Order) check() error {
	if o.ID == "" {
		return fmt.Errorf("it has no ID")
	}
	kinds := 0
	if o.Start != nil {
		kinds++
		id, _, err := o.Start.Attempt.Split()
		if err != nil {
			return err
		}
		if o.Start.Spec.Tracker != id {
			return fmt.Errorf("attempt %s is not of tracker %q", o.Start.Attempt, o.Start.Spec.Tracker)
		}
		if h := o.Start.Spec.ScriptHash; h != "" && !validHash(h) {
			return fmt.Errorf("attempt %s: %.80q is not the hash of a script", o.Start.Attempt, h)
		}
	}
	if o.Kill != nil {
		kinds++
		if _, _, err := o.Kill.Attempt.Split(); err != nil {
			return err
		}
	}
	if o.Clean != nil {
		kinds++
		if !o.Clean.Tracker.Valid() {
			return fmt.Errorf("%q is not a tracker ID", o.Clean.Tracker)
		}
	}
	if kinds != 1 {
		return fmt.Errorf("it asks for %d things instead of one", kinds)
	}
	return nil
}

// DecodeUp reads a frame from a host and checks that all in it is well-formed.
// The host may be malicious: nothing in the frame is trusted beyond that. With
// a *VersionError comes the session, so that it can be refused in words.
func DecodeUp(b []byte) (Up, error) {
	var u Up
	if err := json.Unmarshal(b, &u); err != nil {
		return Up{}, fmt.Errorf("cannot read frame: %w", err)
	}
	if _, _, ok := ParseSession(u.Session); !ok {
		return Up{}, fmt.Errorf("cannot read frame: %.80q is not a session", u.Session)
	}
	if err := checkVersion(u.Version); err != nil {
		return Up{Session: u.Session}, err
	}
	err := u.checkAttempts()
	if err == nil {
		err = u.checkRest()
	}
	if err != nil {
		return Up{}, fmt.Errorf("cannot read frame: %w", err)
	}
	return u, nil
}

// Bounds of what a host says of itself.
const (
	maxWord     = 256
	maxShells   = 16
	maxRecallID = 64
	maxPart     = 4 << 10
)

func (r *Recalled) check() error {
	if r.ID == "" || len(r.ID) > maxRecallID || r.Piece < 0 || len(r.Attempts) > MaxRecalled {
		return fmt.Errorf("the answer %.80q to a recall is out of bounds", r.ID)
	}
	for i := range r.Attempts {
		a := &r.Attempts[i]
		if _, _, err := a.Attempt.Split(); err != nil {
			return err
		}
		if len(a.State) > maxWord || len(a.Reason) > maxWord || len(a.Part) > maxPart {
			return fmt.Errorf("attempt %s: what is recalled of it is out of bounds", a.Attempt)
		}
	}
	return nil
}

func (u *Up) checkRest() error {
	if u.Ping < 0 {
		return fmt.Errorf("ping %d is out of bounds", u.Ping)
	}
	if u.Recalled != nil {
		if err := u.Recalled.check(); err != nil {
			return err
		}
	}
	if u.Claims < 0 || len(u.Problem) > MaxProblem || len(u.Scripts) > MaxWants {
		return fmt.Errorf("claims, problem or scripts are out of bounds")
	}
	for _, w := range u.Scripts {
		if !validHash(w.Hash) || w.Offset < 0 || w.Offset > MaxScript {
			return fmt.Errorf("%.80q at %d is not a script to ask for", w.Hash, w.Offset)
		}
	}
	h := u.Hello
	if h == nil {
		return nil
	}
	if h.Claims < 0 || len(h.Shells) > maxShells {
		return fmt.Errorf("claims or shells are out of bounds")
	}
	for _, s := range slices.Concat(h.Shells, []string{h.Name, h.Version, h.OS, h.Arch, h.BootID, h.Generation, h.Endpoint}) {
		if len(s) > maxWord {
			return fmt.Errorf("%.80q… is too long", s)
		}
	}
	if _, _, ok := ParseSession(h.After); h.After != "" && !ok {
		return fmt.Errorf("%.80q is not a session", h.After)
	}
	return nil
}

func (u *Up) checkAttempts() error {
	if u.Hello != nil {
		for _, id := range slices.Concat(u.Hello.Running, u.Hello.Ended) {
			if _, _, err := id.Split(); err != nil {
				return err
			}
		}
	}
	for i := range u.Started {
		if _, _, err := u.Started[i].Attempt.Split(); err != nil {
			return err
		}
	}
	for i := range u.Output {
		o := &u.Output[i]
		if _, _, err := o.Attempt.Split(); err != nil {
			return err
		}
		if o.Offset < 0 || o.Offset > 1<<50 {
			return fmt.Errorf("attempt %s: output at %d", o.Attempt, o.Offset)
		}
	}
	for i := range u.Ended {
		e := &u.Ended[i]
		if _, _, err := e.Attempt.Split(); err != nil {
			return err
		}
		if e.OutputSize < 0 || e.OutputLost < 0 || len(e.Vars) > banto.MaxVarsFile || len(e.OutputHead) > banto.MaxOutputHead {
			return fmt.Errorf("attempt %s: a result out of bounds", e.Attempt)
		}
	}
	return nil
}

// VersionError says that the other side speaks a version that this one cannot.
type VersionError struct{ Theirs int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("the other side speaks version %d of the protocol, this side version %d: versions may differ by %d; upgrade the older side", e.Theirs, ProtocolVersion, VersionsApart)
}

func checkVersion(v int) error {
	if v < ProtocolVersion-VersionsApart || v > ProtocolVersion+VersionsApart || v < 1 {
		return &VersionError{Theirs: v}
	}
	return nil
}

// FrameRoom is what a frame can hold beside its head.
const FrameRoom = MaxFrame - 1<<10

// Fitting cuts off the head of a list, as much as there is room for.
func Fitting[T any](list []T, room int, size func(*T) int) (head, rest []T, left int) {
	n := 0
	for n < len(list) {
		s := size(&list[n])
		if s > room {
			break
		}
		room -= s
		n++
	}
	if n == 0 {
		return nil, list, room
	}
	if n == len(list) {
		return list, nil, room
	}
	return list[:n:n], list[n:], room
}

// OrderSize measures an order as it would be sent, within a few bytes.
func OrderSize(o *Order) int {
	n := 128 + TextSize(o.ID)
	if o.Start == nil {
		return n
	}
	s := &o.Start.Spec
	n += 256 + TextSize(o.Start.Generation) + TextSize(s.Script) + TextSize(string(s.Part)) + TextSize(s.Dir) + TextSize(s.Shell) + TextSize(s.Account) +
		TextSize(s.ScriptHash) + TextSize(s.Encoding)
	if s.Limits != nil {
		n += 192
	}
	for _, a := range s.Args {
		n += TextSize(a) + 1
	}
	for _, e := range s.Env {
		n += TextSize(e) + 1
	}
	return n
}

// EndedSize measures a result as it would be sent, within a few bytes.
func EndedSize(e *EndedReport) int {
	return 320 + TextSize(e.Message) + TextSize(e.Vars) + TextSize(e.OutputHead)
}

// RecalledSize measures what is recalled of an attempt as it would be sent,
// within a few bytes.
func RecalledSize(a *RecalledAttempt) int {
	return 224 + TextSize(string(a.Part)) + TextSize(a.State) + TextSize(string(a.Reason))
}

// ManagersFitting gives the endpoints that a frame may tell: no more and no
// longer than it holds, and each once.
func ManagersFitting(ends []string) []string {
	var fit []string
	for _, end := range ends {
		if end != "" && len(end) <= MaxEndpoint && len(fit) < MaxManagers && !slices.Contains(fit, end) {
			fit = append(fit, end)
		}
	}
	return fit
}

// ChunkSize measures n bytes of output as they would be sent.
func ChunkSize(n int) int { return 96 + (n+2)/3*4 }

// PieceSize measures a piece of a script as it would be sent.
func PieceSize(p *ScriptPiece) int { return 192 + (len(p.Data)+2)/3*4 }

// TextSize measures a text as a JSON string, quotes included; it is never too
// small.
func TextSize(s string) int {
	n := len(s) + 2
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			switch {
			case c == '"', c == '\\', c == '\n', c == '\r', c == '\t', c == '\b', c == '\f':
				n++
			case c < ' ' || c == '<' || c == '>' || c == '&':
				n += 5
			}
			i++
			continue
		}
		r, w := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && w == 1 || r == '\u2028' || r == '\u2029' {
			n += 6 - w
		}
		i += w
	}
	return n
}
