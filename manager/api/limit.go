package api

import (
	"maps"
	"net/netip"
	"sync"
	"time"
)

// How often machines may ask to join: a site that rolls out hundreds of agents
// behind one address gets them all in, in minutes; who guesses gets nowhere.
const (
	joinsPerAddress = 60 // at once; then one a second
	joinsInAll      = 300
	joinRate        = 1  // a second, of one address
	joinRateInAll   = 20 // a second, of all
	joinFault       = 10 // what a secret that is not known costs besides
	maxAddresses    = 10_000
)

// limiter bounds how often something is done, by address and in all. What one
// may still do grows with time, up to a limit.
type limiter struct {
	now func() time.Time

	mu    sync.Mutex
	all   bucket
	each  map[netip.Prefix]bucket
	swept time.Time
}

// bucket is what is left, as it was at a time.
type bucket struct {
	left float64
	at   time.Time
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, all: bucket{left: joinsInAll}, each: map[netip.Prefix]bucket{}}
}

// filled gives the bucket as it is now.
func (b bucket) filled(now time.Time, rate, most float64) bucket {
	if passed := now.Sub(b.at).Seconds(); passed > 0 && !b.at.IsZero() {
		b.left = min(most, b.left+passed*rate)
	}
	b.at = now
	return b
}

// allow says whether the address may go on, and counts it.
func (l *limiter) allow(remote string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.all = l.all.filled(now, joinRateInAll, joinsInAll)
	who, b := l.bucket(remote, now)
	if b.left < 1 || l.all.left < 1 {
		return false
	}
	b.left--
	l.all.left--
	l.each[who] = b
	return true
}

// charge lets an address pay for a fault.
func (l *limiter) charge(remote string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	who, b := l.bucket(remote, l.now())
	b.left -= joinFault
	l.each[who] = b
}

// bucket gives an address's; it is to be called under the lock. When there are
// too many addresses, those that are new share one.
func (l *limiter) bucket(remote string, now time.Time) (netip.Prefix, bucket) {
	who := addressOf(remote)
	if _, known := l.each[who]; !known && len(l.each) >= maxAddresses {
		if now.Sub(l.swept) > time.Second || now.Before(l.swept) {
			l.swept = now
			maps.DeleteFunc(l.each, func(_ netip.Prefix, b bucket) bool {
				return b.filled(now, joinRate, joinsPerAddress).left >= joinsPerAddress
			})
		}
		if len(l.each) >= maxAddresses {
			who = netip.Prefix{}
		}
	}
	b, known := l.each[who]
	if !known {
		return who, bucket{left: joinsPerAddress, at: now}
	}
	return who, b.filled(now, joinRate, joinsPerAddress)
}

// addressOf gives what one sender has for an address: of IPv6 a whole network,
// as it has all addresses of it.
func addressOf(remote string) netip.Prefix {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	addr, bits := ap.Addr().Unmap(), 32
	if addr.Is6() {
		addr, bits = addr.WithZone(""), 64
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
