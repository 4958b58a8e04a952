package auth

import "github.com/bantoops/banto"

// Access is the class that a route is in: what one must be allowed to call it.
type Access int

// The classes. The zero Access is none of them and allows nothing, so that a
// route whose class was forgotten is shut.
const (
	Public  Access = iota + 1 // needs no token: the version, the API's description
	Read                      // looks and changes nothing
	Operate                   // submits, cancels, reruns
	Design                    // changes definitions
	Admin                     // changes hosts, tokens, the manager itself
)

// String names the class.
func (a Access) String() string {
	switch a {
	case Public:
		return "public"
	case Read:
		return "read"
	case Operate:
		return "operate"
	case Design:
		return "design"
	case Admin:
		return "admin"
	}
	return "none"
}

// Allows says whether a principal may use routes of this class; if not, the
// error is an *banto.ErrorInfo. For now a principal is an administrator, who
// may do all, or someone who may read.
func (a Access) Allows(p banto.Principal) error {
	if a == Public {
		return nil
	}
	if p.Name == "" {
		return banto.Fail(banto.KindUnauthenticated, "cannot tell who you are", "no principal came with the request", "send a token")
	}
	if a == Read || (p.Admin && a > Read && a <= Admin) {
		return nil
	}
	return banto.Fail(banto.KindDenied, "not allowed", p.Name+" may only read, and this needs the right to "+a.String(),
		"ask an administrator, or use an administrator's token")
}
