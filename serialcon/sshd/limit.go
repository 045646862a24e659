package sshd

import (
	"net"
	"net/netip"
	"time"
)

// maxSources bounds the sources that are remembered.
const maxSources = 8192

// A limiter counts connections and failures by source. Its caller holds a lock.
type limiter struct {
	logins, conns int // not logged in yet, and logged in
	sources       map[netip.Prefix]*source
}

type source struct {
	open   int       // connections
	failed float64   // logins, less what time forgave
	at     time.Time // of that count
}

// limits are what a limiter enforces.
type limits struct {
	conns, logins, perSource, failures int
	every                              time.Duration
}

// sourceOf is what counts as one source: an IPv4 address, an IPv6 /64. What has
// no address, as a Unix socket, is one source.
func sourceOf(a net.Addr) netip.Prefix {
	addr, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Prefix{}
	}
	ip := addr.Addr().Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	prefix, _ := ip.Prefix(bits) // it fits
	return prefix
}

// admit says why a connection is refused, or counts it and returns "".
func (l *limiter) admit(from netip.Prefix, now time.Time, max limits) string {
	if l.logins >= max.logins {
		return "too many connections that have not logged in"
	}
	if l.sources == nil {
		l.sources = map[netip.Prefix]*source{}
	}
	s := l.sources[from]
	if s == nil {
		if len(l.sources) >= maxSources {
			l.forget(now, max)
		}
		s = &source{at: now}
		l.sources[from] = s
	}
	s.forgive(now, max.every)
	switch {
	case s.open >= max.perSource:
		return "too many connections of this source"
	case s.failed > float64(max.failures)-1:
		return "too many failed logins of this source"
	}
	s.open++
	l.logins++
	return ""
}

// login counts a connection that logged in, and forgets the source's failures.
// It says whether there is room for it.
func (l *limiter) login(from netip.Prefix, max limits) bool {
	l.sources[from].failed = 0
	if l.conns >= max.conns {
		return false
	}
	l.logins--
	l.conns++
	return true
}

// leave counts a connection that ended; failed says that its login did.
func (l *limiter) leave(from netip.Prefix, loggedIn, failed bool, now time.Time, max limits) {
	s := l.sources[from]
	s.open--
	if loggedIn {
		l.conns--
	} else {
		l.logins--
	}
	s.forgive(now, max.every)
	if failed {
		s.failed++
	}
	if s.open == 0 && s.failed == 0 {
		delete(l.sources, from)
	}
}

// forgive lets time make failures forgotten. A clock that was set back forgives
// nothing, and goes on from there.
func (s *source) forgive(now time.Time, every time.Duration) {
	if passed := now.Sub(s.at); passed > 0 {
		s.failed = max(0, s.failed-float64(passed)/float64(every))
	}
	s.at = now
}

// forget makes room for many sources at once, since it looks at all: those
// without connections whose failures are few by now and, if that is not enough,
// others without connections.
func (l *limiter) forget(now time.Time, max limits) {
	for p, s := range l.sources {
		s.forgive(now, max.every)
		if s.open == 0 && s.failed < 1 {
			delete(l.sources, p)
		}
	}
	for p, s := range l.sources {
		if len(l.sources) <= maxSources*3/4 {
			return
		}
		if s.open == 0 {
			delete(l.sources, p)
		}
	}
}
