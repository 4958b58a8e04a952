package keeper

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"

	"golang.org/x/sys/windows"

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

// account is the OS user that a job runs as. It is the keeper's own: another
// user of Windows is not entered without a password.
type account struct {
	name string // DOMAIN\user
	uid  int    // always 0: there is just one
	home string
}

// ownAccount gives the user that the keeper runs as.
func ownAccount() *account {
	a := &account{home: os.Getenv("USERPROFILE")}
	if u, err := user.Current(); err == nil {
		a.name = u.Username
		if u.HomeDir != "" {
			a.home = u.HomeDir
		}
	}
	return a
}

// find looks an account up by its name; the empty name is our own.
func (a *account) find(name string) (*account, *refusal) {
	_, bare, _ := strings.Cut(a.name, `\`)
	if name == "" || strings.EqualFold(name, a.name) || strings.EqualFold(name, bare) || strings.EqualFold(name, `.\`+bare) {
		return a, nil
	}
	if _, _, _, err := windows.LookupSID("", name); err != nil {
		if no := refusedLogon(name, err); no != nil {
			return nil, no
		}
		return nil, refuse(banto.ReasonNotStarted, "cannot look up the OS user %s: %v", name, err)
	}
	return nil, refuse(banto.ReasonNoRight, "jobs on Windows run as the agent's own user, %s: "+
		"another user, such as %s, cannot be entered without a password", a, name)
}

func (a *account) String() string {
	if a.name != "" {
		return a.name
	}
	return "the agent's own user"
}

// logonRefusals say why the system did not let a user in.
var logonRefusals = []struct {
	code   windows.Errno
	reason banto.Reason
	words  string
}{
	{windows.ERROR_NONE_MAPPED, banto.ReasonNoAccount, "the OS user %s does not exist on this host"},
	{windows.ERROR_NO_SUCH_USER, banto.ReasonNoAccount, "the OS user %s does not exist"},
	{windows.ERROR_NO_SUCH_DOMAIN, banto.ReasonNoAccount, "the domain of the OS user %s does not exist or cannot be reached"},
	{windows.ERROR_ACCOUNT_EXPIRED, banto.ReasonExpired, "the OS user %s has expired"},
	{windows.ERROR_PASSWORD_EXPIRED, banto.ReasonExpired, "the password of the OS user %s has expired"},
	{windows.ERROR_PASSWORD_MUST_CHANGE, banto.ReasonExpired, "the OS user %s must change the password before the first logon"},
	{windows.ERROR_LOGON_FAILURE, banto.ReasonLogonFailed, "the logon of the OS user %s was refused: the name or the password is wrong"},
	{windows.ERROR_ACCOUNT_DISABLED, banto.ReasonLogonFailed, "the OS user %s is disabled"},
	{windows.ERROR_ACCOUNT_LOCKED_OUT, banto.ReasonLogonFailed, "the OS user %s is locked out after too many failed logons"},
	{windows.ERROR_ACCOUNT_RESTRICTION, banto.ReasonLogonFailed, "the OS user %s may not log on: an empty password or a policy forbids it"},
	{windows.ERROR_NO_LOGON_SERVERS, banto.ReasonLogonFailed, "no domain controller answers for the logon of the OS user %s"},
	{windows.ERROR_TRUSTED_RELATIONSHIP_FAILURE, banto.ReasonLogonFailed, "this host is not trusted by the domain of the OS user %s"},
	{windows.ERROR_INVALID_LOGON_HOURS, banto.ReasonNoRight, "the OS user %s may not log on at this hour"},
	{windows.ERROR_INVALID_WORKSTATION, banto.ReasonNoRight, "the OS user %s may not log on to this host"},
	{windows.ERROR_LOGON_TYPE_NOT_GRANTED, banto.ReasonNoRight, `the OS user %s lacks the right "Log on as a batch job" on this host`},
	{windows.ERROR_PRIVILEGE_NOT_HELD, banto.ReasonNoRight, "the agent lacks the privilege to start programs as the OS user %s"},
}

// refusedLogon says in words why a user was not let in; nil when the error is of
// another kind.
func refusedLogon(name string, err error) *refusal {
	for _, r := range logonRefusals {
		if errors.Is(err, r.code) {
			return refuse(r.reason, r.words, name)
		}
	}
	return nil
}
