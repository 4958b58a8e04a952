package dispatch

import (
	"container/list"

	"github.com/bantoops/banto"
)

// account is what the board knows of an account: whether parts may start
// under it, and how many have.
type account struct {
	AccountState
	used int       // placements and attempts
	lot  list.List // wants that were reached while nothing could start under it
}

func (a *account) open() bool { return !a.Blocked && (!a.OneAtATime || a.used == 0) }

// SetAccount says whether parts may start under an account. Wants of one where
// they may not are passed over, and keep their place.
func (b *Board) SetAccount(name string, state AccountState) {
	a := b.account(name)
	a.AccountState = state
	b.settleAccount(name, a)
}

// Under says under which account an attempt runs, for the rebuild after a
// start; Bind knows it by itself.
func (b *Board) Under(attempt banto.AttemptID, name string) {
	s, ok := b.attempts[attempt]
	if !ok || s.account == name {
		return
	}
	b.dropAccount(s.account)
	b.useAccount(name)
	b.attempts[attempt] = spot{s.host, name}
}

func (b *Board) account(name string) *account {
	a := b.accounts[name]
	if a == nil {
		a = &account{}
		b.accounts[name] = a
	}
	return a
}

// gate gives the account that keeps a want from starting; nil if none does.
func (b *Board) gate(w *want) *account {
	if w.Account == "" {
		return nil
	}
	if a := b.accounts[w.Account]; a != nil && !a.open() {
		return a
	}
	return nil
}

func (b *Board) useAccount(name string) {
	if name != "" {
		b.account(name).used++
	}
}

func (b *Board) dropAccount(name string) {
	if name == "" {
		return
	}
	a := b.account(name)
	a.used--
	b.settleAccount(name, a)
}

// settleAccount lets wants stand again when the account is open, and forgets
// an account of which there is nothing to know.
func (b *Board) settleAccount(name string, a *account) {
	if a.open() {
		b.unpark(&a.lot)
	}
	if a.used == 0 && a.lot.Len() == 0 && a.AccountState == (AccountState{}) {
		delete(b.accounts, name)
	}
}
