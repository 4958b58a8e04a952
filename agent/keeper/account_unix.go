//go:build unix

package keeper

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/bantoops/banto"
)

// refusal says why an attempt was not started.
type refusal struct {
	reason  banto.Reason
	message string
}

func refuse(reason banto.Reason, format string, args ...any) *refusal {
	return &refusal{reason, fmt.Sprintf(format, args...)}
}

// account is the OS user that a job runs as.
type account struct {
	name       string
	uid, gid   int
	home       string
	credential *syscall.Credential // nil for the keeper's own user
}

// ownAccount gives the user that the keeper runs as; one that the system does
// not list, as in many containers, is known by its number.
func ownAccount() *account {
	a := &account{uid: os.Geteuid(), gid: os.Getegid()}
	if u, err := user.LookupId(strconv.Itoa(a.uid)); err == nil {
		a.name, a.home = u.Username, u.HomeDir
	}
	if a.home == "" {
		a.home = os.Getenv("HOME")
	}
	if a.home == "" {
		a.home = "/"
	}
	return a
}

// find looks an account up by its name; the empty name is our own.
func (a *account) find(name string) (*account, *refusal) {
	if name == "" || name == a.name {
		return a, nil
	}
	u, err := user.Lookup(name)
	var unknown user.UnknownUserError
	switch {
	case errors.As(err, &unknown):
		return nil, refuse(banto.ReasonNoAccount, "the OS user %s does not exist on this host", name)
	case err != nil:
		return nil, refuse(banto.ReasonNotStarted, "cannot look up the OS user %s: %v", name, err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		return nil, refuse(banto.ReasonNotStarted, "cannot look up the OS user %s: %v", name, err)
	}
	if int(uid) == a.uid {
		return a, nil
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, refuse(banto.ReasonNotStarted, "cannot look up the groups of the OS user %s: %v", name, err)
	}
	groups := make([]uint32, 0, len(ids))
	for _, id := range ids {
		if g, err := strconv.ParseUint(id, 10, 32); err == nil {
			groups = append(groups, uint32(g))
		}
	}
	return &account{name: u.Username, uid: int(uid), gid: int(gid), home: u.HomeDir,
		credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: groups}}, nil
}

// become finds the account that a job asks for, and says in words why it may
// not run as that.
func (a *account) become(name string, allow Allow, now time.Time) (*account, *refusal) {
	found, no := a.find(name)
	switch {
	case no != nil:
		return nil, no
	case found == a:
		return a, a.mayBeOwn(allow)
	}
	if no := a.mayBeOther(found, name, allow); no != nil {
		return nil, no
	}
	return found, expired(shadowFile, found.name, now)
}

// mayBeOwn says why a job may not run as the keeper's own user: only root needs
// to be allowed.
func (a *account) mayBeOwn(allow Allow) *refusal {
	if a.uid != 0 || allow.Root || slices.Contains(allow.Accounts, a.name) || slices.Contains(allow.Accounts, "root") {
		return nil
	}
	return refuse(banto.ReasonNoRight, "the agent of this host runs as root, and does not let jobs run as root: "+
		"give the part an account that the agent allows, or allow root in the agent's settings")
}

// mayBeOther says why a job may not run as another user.
func (a *account) mayBeOther(other *account, asked string, allow Allow) *refusal {
	switch {
	case a.uid != 0:
		return refuse(banto.ReasonNoRight, "jobs can run as %s only when the agent runs as root; it runs as %s", asked, a)
	case !slices.Contains(allow.Accounts, asked) && !slices.Contains(allow.Accounts, other.name):
		return refuse(banto.ReasonNoRight, "the agent of this host does not let jobs run as %s: "+
			"add it to the accounts in the agent's settings", asked)
	}
	return nil
}

// stoppedAt gives the first directory on the way to a path that the account
// may not pass through, by the permission bits; "" if there is none.
func (a *account) stoppedAt(path string) string {
	for i := range path {
		if path[i] != '/' && i != len(path)-1 {
			continue
		}
		dir := path[:i+1]
		if info, err := os.Stat(dir); err == nil && !a.mayEnter(info) {
			return filepath.Clean(dir)
		}
	}
	return ""
}

func (a *account) mayEnter(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	switch bits := info.Mode().Perm(); {
	case !ok:
		return true
	case int(st.Uid) == a.uid:
		return bits&0o100 != 0
	case int(st.Gid) == a.gid || a.credential != nil && slices.Contains(a.credential.Groups, st.Gid):
		return bits&0o010 != 0
	default:
		return bits&0o001 != 0
	}
}

func (a *account) String() string {
	if a.name != "" {
		return a.name
	}
	return "user " + strconv.Itoa(a.uid)
}
