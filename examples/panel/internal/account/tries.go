package account

import (
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/limit"
)

// tries says who tries passwords too often. Successful logins do not count.
//
// A browser that has logged in before has its own count, which nobody else can use up.
// All others are counted by their address, by its network, and by address and account
// together. When there are many tries on one account from everywhere, each address has
// one try on it in five minutes: guessing gets slow, and its owner still gets in from a
// new browser, because no stranger can use up the try of another's address.
type tries struct {
	device, addr, network, pair, account *limit.Buckets
}

func newTries() tries {
	return tries{
		device:  &limit.Buckets{Burst: 10, Every: time.Minute},
		addr:    &limit.Buckets{Burst: 20, Every: 30 * time.Second},
		network: &limit.Buckets{Burst: 200, Every: 3 * time.Second},
		pair:    &limit.Buckets{Burst: 5, Every: time.Minute},
		account: &limit.Buckets{Burst: 30, Every: time.Minute},
	}
}

// taken are the tries that were taken, to be given back after a success.
type taken []func()

func (t taken) back() {
	for _, give := range t {
		give()
	}
}

// take counts a try. Of device "" is a browser that nobody knows.
func (t *tries) take(name string, addr netip.Addr, device string) (given taken, wait time.Duration) {
	if device != "" {
		return takeAll([]from{{t.device, device}})
	}
	name = name[:min(len(name), mostName+1)]
	host, network := places(addr)
	pair := host + " " + name
	first := t.pair.Full(pair)
	given, wait = takeAll([]from{{t.network, network}, {t.addr, host}, {t.pair, pair}})
	if wait > 0 {
		return nil, wait
	}
	switch wait = t.account.Take(name); {
	case wait == 0:
		given = append(given, func() { t.account.Give(name) })
	case !first:
		given.back()
		return nil, wait
	}
	return given, 0
}

type from struct {
	buckets *limit.Buckets
	key     string
}

// takeAll takes from all, or from none and says how long to wait.
func takeAll(all []from) (given taken, wait time.Duration) {
	for _, f := range all {
		if wait := f.buckets.Take(f.key); wait > 0 {
			given.back()
			return nil, wait
		}
		given = append(given, func() { f.buckets.Give(f.key) })
	}
	return given, 0
}

// places are the address as one customer of a provider has it, and the network around it:
// who has IPv6 has a /64 at least, and may have a /48.
func places(addr netip.Addr) (host, network string) {
	addr = addr.Unmap().WithZone("")
	bits := []int{32, 24}
	if addr.Is6() {
		bits = []int{64, 48}
	}
	h, _ := addr.Prefix(bits[0]) // the zero address has none
	n, _ := addr.Prefix(bits[1])
	return h.String(), n.String()
}
