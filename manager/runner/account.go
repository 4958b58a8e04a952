package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/job/dispatch"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

// maxFailedLogons is how many logons of an account may fail in a row before
// nothing starts under it any more: systems lock users out after few. Until a
// process runs under it, and after each failure, it is tried with one attempt
// at a time.
const maxFailedLogons = 3

// ourselves is the principal of what the manager does by itself.
func ourselves() banto.Principal { return banto.Principal{Name: "manager"} }

// userOn gives the OS user that an account is on a host; false when its
// document names none there. An account without a document is the user itself.
func (m *memory) userOn(account string, host banto.HostID) (string, bool) {
	doc := m.accounts[account]
	if doc == nil {
		return account, true
	}
	for _, u := range doc.Users {
		if u.Hosts == "" || slices.ContainsFunc(m.board.Members(u.Hosts), func(h banto.HostRef) bool { return h.ID == host }) {
			return u.User, true
		}
	}
	return "", false
}

// accountOf gives the account of a part by its name in the definition.
func accountOf(t *engine.Tracker, key banto.PartKey) string {
	flow := t.Flow()
	if i := flow.Part(partName(key)); i >= 0 {
		return flow.Parts[i].Account
	}
	return ""
}

// judgeLogon counts an account's failed logons in a row, and stops what starts
// under it when they are too many.
func (b *batch) judgeLogon(account string, l live, e engine.Ended) {
	if account == "" {
		return
	}
	state := b.mem.logons[account]
	switch {
	case e.Reason == banto.ReasonLogonFailed || e.Reason == banto.ReasonExpired:
	case e.StartedAt != nil:
		b.proveLogon(account)
		return
	default:
		return
	}
	b.mem.proved[account] = false
	state.Name = account
	state.Failures++
	state.Why = clean(fmt.Sprintf("%s on %s", e.Reason, b.mem.hosts[l.host].Name), maxHostText)
	if e.Message != "" {
		state.Why = clean(state.Why+": "+e.Message, maxMessage)
	}
	if state.Failures >= maxFailedLogons && state.Blocked == nil {
		state.Blocked = new(b.now)
		b.event(Event{Kind: AccountBlocked, Object: account, Text: state.Why})
		b.audit(ourselves(), audit.AccountBlocked, account, fmt.Sprintf("after %d failed logons in a row", state.Failures), state.Why)
		b.after(func() {
			b.r.log.Error("an account is blocked: too many logons failed in a row", "account", account, "failures", state.Failures, "why", state.Why)
		})
	}
	b.setLogons(state)
}

// proveLogon notes that a process runs under an account: as many may start as
// there are places. It takes no block away: it may have been started before.
func (b *batch) proveLogon(account string) {
	if account == "" || b.mem.proved[account] || b.mem.logons[account].Blocked != nil {
		return
	}
	b.mem.proved[account] = true
	if state := (store.AccountState{Name: account}); b.mem.logons[account].Failures > 0 {
		b.setLogons(state)
	} else {
		b.mem.setLogons(state)
	}
}

// tryLogon has an account tried with one attempt at a time when it is wanted
// for the first time: whether it is right is known only once a process runs.
func (m *memory) tryLogon(account string) {
	if _, known := m.proved[account]; account == "" || known {
		return
	}
	state := m.logons[account]
	state.Name = account
	m.proved[account] = false
	m.setLogons(state)
}

// under counts an attempt that was read from the store to its account. One
// that has started proves the account; one that has not, on a host that is out
// of reach, must not keep all others waiting for it.
func (m *memory) under(a banto.Attempt, account string) {
	m.tryLogon(account)
	switch _, up := m.shells[a.HostID]; {
	case a.StartedAt != nil:
		m.board.Under(a.ID, account)
		if account != "" && m.logons[account].Failures == 0 {
			m.proved[account] = true
			m.setLogons(store.AccountState{Name: account})
		}
	case up:
		m.board.Under(a.ID, account)
	}
}

// setLogons keeps what has come of an account's logons.
func (b *batch) setLogons(state store.AccountState) {
	b.logons.put(state.Name, state)
	b.mem.setLogons(state)
}

func (m *memory) setLogons(state store.AccountState) {
	if state.Failures == 0 && state.Blocked == nil {
		delete(m.logons, state.Name)
	} else {
		m.logons[state.Name] = state
	}
	m.board.SetAccount(state.Name, dispatch.AccountState{
		Blocked: state.Blocked != nil, Why: state.Why, OneAtATime: state.Failures > 0 || !m.proved[state.Name],
	})
}

// rebuildAccounts reads groups, accounts, and how their logons went.
func (r *Runner) rebuildAccounts(ctx context.Context, m *memory) error {
	d, err := r.readDocuments(ctx)
	if err != nil {
		return err
	}
	m.setDocuments(d)
	states, err := r.opt.Store.AccountStates(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the states of the accounts: %w", err)
	}
	for _, s := range states {
		m.setLogons(s)
	}
	return nil
}

// Accounts gives the accounts whose logons fail, by name, also those that have
// no document. Nil when the loop does not answer before ctx ends.
func (r *Runner) Accounts(ctx context.Context) map[string]store.AccountState {
	return ask(ctx, r, func(m *memory) map[string]store.AccountState { return maps.Clone(m.logons) })
}

// releaseIn lets parts start again under an account.
type releaseIn struct {
	caller
	by    banto.Principal
	name  string
	what  string
	proof proof
}

// ReleaseAccount lets parts start again under an account after too many failed
// logons, and counts anew.
func (r *Runner) ReleaseAccount(ctx context.Context, by banto.Principal, name string) error {
	in := &releaseIn{caller: newCaller(), by: by, name: name, what: "cannot release the account " + name}
	if err := storable("cannot release the account", by.Name, name); err != nil {
		return err
	}
	_, err := r.call(ctx, in.what, in.caller, in)
	return err
}

func (in *releaseIn) step(b *batch) error {
	written, err := in.proof.written(b)
	if err != nil {
		return err
	}
	state, failed := b.mem.logons[in.name]
	switch {
	case written:
	case failed:
		b.setLogons(store.AccountState{Name: in.name})
		in.proof.keep(b.audit(in.by, audit.AccountRelease, in.name, fmt.Sprintf("%d failed logons are forgotten", state.Failures), ""))
	case b.mem.accounts[in.name] == nil:
		b.refuse(in, banto.Fail(banto.KindNotFound, in.what, "there is no such account", "banto account list shows them"))
		return nil
	default:
		b.refuse(in, banto.Fail(banto.KindConflict, in.what, "it is not blocked, and no logon has failed", ""))
		return nil
	}
	b.after(func() { in.answer(answer{}) })
	return nil
}
