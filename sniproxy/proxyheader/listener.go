package proxyheader

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Why a [Listener] closed a connection, besides the errors of [Decode].
var (
	// ErrUntrusted: the peer is in none of the prefixes.
	ErrUntrusted = errors.New("proxyheader: the peer is no trusted proxy")
	// ErrTimeout: the header did not come in time.
	ErrTimeout = errors.New("proxyheader: no whole PROXY header in time")
	// ErrCrowded: too many connections wait for their header, this one for
	// longer than any other.
	ErrCrowded = errors.New("proxyheader: too many connections wait for their PROXY header")
	// ErrUnknown: the header names no client, and AllowUnknown is not set.
	ErrUnknown = errors.New("proxyheader: the PROXY header names no client")
)

const (
	defaultTimeout = 5 * time.Second
	defaultPending = 1024
	grace          = 200 * time.Millisecond // no header is missed before
)

// Listener is a [net.Listener] for a server behind proxies: each connection
// that it returns comes from a trusted proxy, began with a PROXY header, and
// says the client's address as its RemoteAddr. There is no guessing: a
// connection without a header, or from elsewhere, is closed.
//
// Headers are read off the path of Accept, so that no client delays another.
// RemoteAddr and LocalAddr of the connections, which are of type [*Conn], never
// block. Set the fields before the first Accept.
type Listener struct {
	net.Listener

	// Trusted are the proxies, by the address of their end of the connection.
	// IPv4 addresses match however the socket writes them.
	Trusted []netip.Prefix
	// Direct are clients that connect without a proxy and without a header, for
	// a server that listens on one port for both: say ::/0 when IPv6 clients
	// come by themselves and IPv4 clients through the proxy. Their connections
	// are handed on as they are. Trusted goes first. Nil is nobody.
	Direct []netip.Prefix

	// Timeout is how long after accept the header must be whole. 0 is 5
	// seconds. It should not be below 3: a lost segment is sent again after
	// about one second, twice if need be.
	Timeout time.Duration
	// MaxPending bounds the connections that wait for their header or for
	// Accept. 0 is 1024. Beyond it the one that has waited longest for its
	// header, and for 200 ms at least, is closed: proxies send it at once.
	MaxPending int
	// Options narrow the headers that are taken.
	Options DecodeOptions
	// AllowUnknown takes connections whose proxy did not say who the client is
	// (UNKNOWN, UNSPEC, Unix sockets, UDP). They then look as if they came from
	// the proxy itself, as LOCAL ones do, which are always taken.
	AllowUnknown bool

	// Refused, if set, is told of each connection before it is closed, with
	// [ErrUntrusted], [ErrTimeout], [ErrCrowded], [ErrUnknown], an error of
	// [Decode] or one of the connection. It must not block, and not call Close.
	Refused func(peer net.Addr, err error)

	once  sync.Once // starts and ends with the fields below set
	ready chan accepted
	slots chan struct{} // one for each connection between accept and Accept
	done  chan struct{} // closed when no more are accepted
	tasks sync.WaitGroup

	mu      sync.Mutex // guards all below
	begun   bool
	stopped bool
	cause   error
	waiting queue
}

// accepted is what the loop hands to Accept.
type accepted struct {
	conn net.Conn
	err  error
}

// prepare makes the channels.
func (l *Listener) prepare() {
	l.once.Do(func() {
		l.ready = make(chan accepted)
		l.slots = make(chan struct{}, cmp.Or(max(l.MaxPending, 0), defaultPending))
		l.done = make(chan struct{})
	})
}

// begin starts the loop at the first Accept.
func (l *Listener) begin() error {
	l.prepare()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.begun || l.stopped {
		return nil
	}
	if len(l.Trusted)+len(l.Direct) == 0 {
		return fmt.Errorf("proxyheader: accept on %v: no proxy is trusted: set Listener.Trusted to the proxies' prefixes", l.Addr())
	}
	l.begun = true
	l.tasks.Go(l.loop)
	return nil
}

// Accept returns the next connection whose header was read. It never waits for
// the header of one while another has sent it.
func (l *Listener) Accept() (net.Conn, error) {
	if err := l.begin(); err != nil {
		return nil, err
	}
	select {
	case a := <-l.ready:
		return a.conn, a.err
	case <-l.done:
		l.mu.Lock()
		defer l.mu.Unlock()
		return nil, l.cause
	}
}

// Close closes the listener and all connections that Accept has not returned,
// and waits until nothing of them is left. It may be called again.
func (l *Listener) Close() error {
	l.prepare()
	err := l.Listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	l.stop(fmt.Errorf("proxyheader: accept on %v: %w", l.Addr(), net.ErrClosed))
	l.tasks.Wait()
	return err
}

// stop ends the loop and all that wait.
func (l *Listener) stop(cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return
	}
	l.stopped, l.cause = true, cause
	close(l.done)
	for p := range l.waiting.all() {
		_ = p.conn.Close()
	}
}

// loop accepts until the listener fails for good. A passing failure, such as
// too many open files, goes to the caller of Accept, whose pace the loop keeps.
func (l *Listener) loop() {
	for {
		conn, err := l.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			l.stop(err)
			return
		}
		switch {
		case err != nil:
			if !l.hand(nil, err) {
				return
			}
		case covers(l.Trusted, conn.RemoteAddr()):
			if !l.receive(conn) {
				return
			}
		case covers(l.Direct, conn.RemoteAddr()):
			if !l.hand(conn, nil) {
				return
			}
		default:
			l.refuse(conn, ErrUntrusted)
		}
	}
}

// hand gives a connection or an error to Accept; it reports whether there will
// be more.
func (l *Listener) hand(conn net.Conn, err error) bool {
	select {
	case l.ready <- accepted{conn, err}:
		return true
	case <-l.done:
		if conn != nil {
			_ = conn.Close()
		}
		return false
	}
}

// refuse closes a connection for a reason.
func (l *Listener) refuse(conn net.Conn, err error) {
	if l.Refused != nil {
		l.Refused(conn.RemoteAddr(), err)
	}
	_ = conn.Close()
}

// covers reports whether one of the prefixes holds the peer's address.
func covers(prefixes []netip.Prefix, peer net.Addr) bool {
	addr := address(peer)
	for _, p := range prefixes {
		if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
		}
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// address is the peer's IP address as prefixes are written, without zone; the
// zero Addr, which is in no prefix, for peers that have none.
func address(peer net.Addr) netip.Addr {
	var ap netip.AddrPort
	if tcp, ok := peer.(*net.TCPAddr); ok {
		ap = tcp.AddrPort()
	} else if peer != nil {
		ap, _ = netip.ParseAddrPort(peer.String())
	}
	return ap.Addr().Unmap().WithZone("")
}
