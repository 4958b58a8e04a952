package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/bantoops/banto"
)

// joinPrefix begins every join token; the number is of its form.
const joinPrefix = "banto-join-1."

// maxJoinToken is how long a join token can be, in bytes.
const maxJoinToken = 8 << 10

// JoinToken is what lets one machine join, once: where the manager is, how to
// know it, and the secret that the manager knows the hash of.
type JoinToken struct {
	URL         string    // of the manager, as the machine sees it
	Fingerprint string    // of the manager's CA; empty: its certificate is one that the system trusts
	Secret      string    // 32 bytes of chance, as base64url
	Expires     time.Time // to the second
}

// joinJSON is what is in the text.
type joinJSON struct {
	URL         string `json:"u"`
	Fingerprint string `json:"f"`
	Secret      string `json:"s"`
	Expires     int64  `json:"e"`
}

// NewJoinSecret makes the secret of a join token. HashToken gives what is kept
// of it. It panics when the reader fails, as NewToken does.
func NewJoinSecret(rand io.Reader) string {
	token, _ := NewToken(rand)
	return strings.TrimPrefix(token, tokenPrefix)
}

// ValidJoinSecret says whether a text can be a secret at all.
func ValidJoinSecret(s string) bool { return wellFormed(tokenPrefix + s) }

// String gives the text that is handed to the machine.
func (t JoinToken) String() string {
	body, err := json.Marshal(joinJSON{URL: t.URL, Fingerprint: t.Fingerprint, Secret: t.Secret, Expires: t.Expires.Unix()})
	if err != nil {
		return "" // strings and a number: cannot happen
	}
	return joinPrefix + base64.RawURLEncoding.EncodeToString(body)
}

// ParseJoinToken reads the text of a token as people hand it on: line breaks
// and blanks that a terminal or a mail put into it do no harm. It does not look
// at the clock: the manager's decides, and a machine whose clock is wrong may
// still join. The error tells what is wrong and nothing of the
// token.
func ParseJoinToken(text string) (JoinToken, error) {
	if len(text) > maxJoinToken {
		return JoinToken{}, badJoin("it is too long for one", "give the token alone, in one piece")
	}
	text = strings.Trim(strings.Map(unbroken, text), `"'`)
	body, ok := strings.CutPrefix(text, joinPrefix)
	switch {
	case text == "":
		return JoinToken{}, badJoin("it is empty", "banto host enrol gives one")
	case ok:
	case strings.HasPrefix(joinPrefix, text):
		return JoinToken{}, cutOff()
	case strings.HasPrefix(text, "banto-join-"):
		return JoinToken{}, badJoin("it is of another version", "use the banto of the version that the manager has")
	case strings.HasPrefix(text, tokenPrefix):
		return JoinToken{}, badJoin("it is a token for commands, which lets a person in and no machine", "banto host enrol gives one for a machine")
	default:
		return JoinToken{}, badJoin("it does not begin with "+joinPrefix, "banto host enrol gives one; copy it from its first character to its last")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil && strings.Trim(body, base64Alphabet) != "" {
		return JoinToken{}, badJoin("it holds characters that no token has", "copy it once more, the token alone")
	}
	if err != nil || len(raw) == 0 || raw[len(raw)-1] != '}' {
		return JoinToken{}, cutOff()
	}
	var j joinJSON
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil || d.More() || !ValidJoinSecret(j.Secret) || j.Expires <= 0 || j.Expires > maxUnix ||
		(j.Fingerprint != "" && !validFingerprint(j.Fingerprint)) {
		return JoinToken{}, badJoin("it is damaged: a piece of it is missing or changed", "copy it once more, from its first character to its last")
	}
	if err := CheckManagerURL(j.URL); err != nil {
		return JoinToken{}, badJoin("the address of the manager in it is none", "ask for a new one: banto host enrol --url https://…")
	}
	return JoinToken{URL: j.URL, Fingerprint: j.Fingerprint, Secret: j.Secret, Expires: time.Unix(j.Expires, 0).UTC()}, nil
}

const (
	base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	maxUnix        = 253402300799 // the end of the year 9999
)

// unbroken drops what terminals, mails and pages put between characters.
func unbroken(r rune) rune {
	if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
		return -1
	}
	return r
}

func cutOff() error {
	return badJoin("it is cut off: a piece of it is missing", "copy it from its first character to its last")
}

func badJoin(why, hint string) error {
	return banto.Fail(banto.KindInvalid, "cannot read the join token", why, hint)
}

// CheckManagerURL says what is wrong with a URL as the address of a manager:
// it is a scheme, a host and perhaps a port, and unless it is a loopback
// address it is https, as what goes there is secret.
func CheckManagerURL(text string) error {
	bad := func(why string) error {
		return banto.Fail(banto.KindInvalid, "cannot use the manager's address", why, "it is such as https://banto.example.com:8600")
	}
	u, err := url.Parse(text)
	if err != nil || len(text) > 1000 || (u.Scheme != "http" && u.Scheme != "https") || u.Opaque != "" || u.User != nil ||
		(u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return bad("it is not a URL of a scheme, a host and a port")
	}
	name, _, ok := splitHost(u.Host)
	if !ok {
		return bad("it names no host")
	}
	if u.Scheme == "http" && !loopback(name) {
		return bad("it is plain http, and the token would cross the network in the clear")
	}
	return nil
}

// Loopback says whether a Host header or the host of a URL is this machine
// itself.
func Loopback(host string) bool {
	name, _, ok := splitHost(host)
	if addr, err := netip.ParseAddr(name); err == nil && addr.IsUnspecified() {
		return true
	}
	return ok && loopback(name)
}
