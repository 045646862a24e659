package sniproxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
)

// portable is the engine on package net: a goroutine for a connection whose
// hello is awaited, two for one that is relayed.
type portable struct {
	run  *running
	bufs bufPool

	mu       sync.Mutex // guards all but wg
	conns    map[net.Conn]struct{}
	idle     map[net.Conn]struct{} // those of HTTP between two requests
	draining bool                  // no further request is waited for
	done     bool
	wg       sync.WaitGroup // of connections
}

// serve accepts from l until it is closed.
func (p *portable) serve(l net.Listener, proto Proto) error {
	handle := p.tls
	if proto == HTTP {
		handle = p.http
	}
	var pause time.Duration
	for {
		c, err := l.Accept()
		if err != nil {
			if pause = nextPause(pause, err); pause == 0 {
				return fmt.Errorf("sniproxy: accept on %v: %w", l.Addr(), err)
			}
			p.run.noAccept(l.Addr(), err)
			if !p.run.wait(pause) {
				return ErrServerClosed
			}
			continue
		}
		pause = 0
		if !p.hold(c) {
			continue
		}
		p.wg.Go(func() {
			defer p.release(c)
			handle(c)
		})
	}
}

// nextPause is how long to wait after accept failed; 0 means that the listener is
// gone.
func nextPause(last time.Duration, err error) time.Duration {
	if errors.Is(err, net.ErrClosed) || !isTemporary(err) {
		return 0
	}
	return min(max(2*last, 5*time.Millisecond), time.Second)
}

// hold keeps c for close; false after that.
func (p *portable) hold(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		_ = c.Close()
		return false
	}
	if p.conns == nil {
		p.conns = make(map[net.Conn]struct{})
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *portable) release(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	delete(p.idle, c)
}

// setIdle notes whether c waits for a request; false when it is not to wait.
func (p *portable) setIdle(c net.Conn, idle bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !idle {
		delete(p.idle, c)
		return true
	}
	if p.idle == nil {
		p.idle = make(map[net.Conn]struct{})
	}
	p.idle[c] = struct{}{}
	return !p.draining
}

func (p *portable) isDraining() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.draining
}

// drained is closed once no connection is left.
func (p *portable) drained() <-chan struct{} {
	p.mu.Lock()
	p.draining = true
	for c := range p.idle {
		_ = c.SetReadDeadline(time.Now())
	}
	p.mu.Unlock()
	done := make(chan struct{})
	go func() {
		p.wg.Wait()
		close(done)
	}()
	return done
}

// close ends all connections.
func (p *portable) close() {
	p.mu.Lock()
	p.done = true
	for c := range p.conns {
		reset(c)
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// tls serves one connection of TLS.
func (p *portable) tls(c net.Conn) {
	var f flow
	defer func() { f.end(time.Now(), new(Record)) }()
	refused := f.begin(p.run, TLS, addrPort(c.RemoteAddr()), addrPort(c.LocalAddr()), time.Now())
	if refused != nil {
		f.refused(refused)
		return
	}
	_ = c.SetReadDeadline(f.start.Add(p.run.timeouts.Hello))
	in := newSource(c, &p.bufs)
	first, d, refused := p.readHello(&f, in)
	if refused == nil {
		_ = c.SetReadDeadline(time.Time{})
		var b net.Conn
		if b, refused = p.connect(&f, &d); refused == nil {
			p.relayTLS(&f, in, b, &d, first)
			return
		}
	}
	f.refused(refused)
	p.sayNo(c, refused)
}

// readHello reads until the ClientHello is whole, and routes it. first is all that
// was read of the client behind a front's header.
func (p *portable) readHello(f *flow, in *source) (first []byte, d Decision, refused *RefusedError) {
	var o opening
	o.reset(p.run.Hello, f.fromFront())
	var all []byte
	for {
		b, err := in.read()
		if err != nil {
			return nil, d, readRefusal(err)
		}
		all = append(all, b...)
		in.release()
		done, refused := o.parse(all)
		if refused != nil {
			return nil, d, refused
		}
		if done {
			break
		}
	}
	f.helloSize, f.helloTook = o.info.Size, time.Since(f.start)
	if refused := f.headed(&o.front); refused != nil {
		return nil, d, refused
	}
	first = all[o.front.size:]
	f.took(len(first))
	f.name = string(o.info.ServerName)
	d, refused = f.route(&Request{Proto: TLS, Name: f.name, Client: f.client, Local: f.local, Hello: &o.info})
	return first, d, refused
}

func readRefusal(err error) *RefusedError {
	if isTimeout(err) {
		return refuse(HelloTimeout, err)
	}
	return refuse(Aborted, err)
}

// connect reaches a backend of the decision.
func (p *portable) connect(f *flow, d *Decision) (net.Conn, *RefusedError) {
	ctx, cancel := p.run.dialContext()
	defer cancel()
	start := time.Now()
	addrs, err := p.resolve(ctx, f, d)
	if err != nil {
		return nil, dialRefusal(err)
	}
	dial := p.run.Dial
	if dial == nil {
		dial = dialTCP
	}
	c, err := dial(ctx, addrs, backend.DialOptions{
		Guard: p.run.Guard, Source: d.Source, Client: f.client.Addr(), Timeout: p.run.timeouts.Dial,
		Report: func(addr netip.AddrPort, err error, took time.Duration) { p.run.dialled(d, addr, err, took) },
	})
	f.dialTook = time.Since(start)
	if err != nil {
		return nil, dialRefusal(err)
	}
	f.connected(d, addrPort(c.RemoteAddr()))
	if !p.hold(c) {
		return nil, refuse(BackendRefused, ErrServerClosed)
	}
	return c, nil
}

func dialTCP(ctx context.Context, candidates []netip.AddrPort, o backend.DialOptions) (net.Conn, error) {
	c, err := backend.Dial(ctx, candidates, o)
	if err != nil {
		return nil, err // not a nil *net.TCPConn in an interface
	}
	return c, nil
}

func (p *portable) resolve(ctx context.Context, f *flow, d *Decision) ([]netip.AddrPort, error) {
	q := backend.Query{Name: f.name, Client: f.client.Addr(), Port: f.local.Port()}
	addrs, ready, err := d.Backend.Ready(nil, q)
	if ready || err != nil {
		return addrs, err
	}
	return d.Backend.Resolve(ctx, nil, q)
}

// relayTLS sends header and hello in one write, and then relays until the end.
func (p *portable) relayTLS(f *flow, in *source, b net.Conn, d *Decision, first []byte) {
	defer p.release(b)
	out, err := appendHeader(nil, d, f.client, f.local, f.name, f.uniqueID())
	if err == nil {
		_, err = b.Write(append(out, first...))
	}
	if err != nil {
		f.broke(err)
		reset(in.conn)
		reset(b)
		return
	}
	p.relay(f, in, newSource(b, &p.bufs))
}

// lingering is how long and for how many bytes a refused client is read from, so
// that it gets what it was told: closing with bytes unread would reset.
const (
	lingerTime  = 2 * time.Second
	lingerBytes = 256 << 10
)

// sayNo tells a client of TLS why, and ends the connection gently.
func (p *portable) sayNo(c net.Conn, e *RefusedError) {
	if e.Result == Aborted || e.Result == Limited && e.Alert == 0 {
		return
	}
	_ = c.SetDeadline(time.Now().Add(lingerTime))
	if b := refusalBytes(e); b != nil {
		if _, err := c.Write(b); err != nil {
			return
		}
	}
	linger(c)
}

// linger ends our direction and reads until the other one's end.
func linger(c net.Conn) {
	if !closeWrite(c) {
		return
	}
	_, _ = io.CopyN(io.Discard, c, lingerBytes)
}

// closeWrite ends our direction; false if c cannot.
func closeWrite(c net.Conn) bool {
	w, ok := c.(interface{ CloseWrite() error })
	return ok && w.CloseWrite() == nil
}

// reset closes c so that the other end sees that it was cut short.
func reset(c net.Conn) {
	if l, ok := c.(interface{ SetLinger(sec int) error }); ok {
		_ = l.SetLinger(0)
	}
	_ = c.Close()
}

// addrPort is the address of a socket, invalid if it has none.
func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	if a == nil {
		return netip.AddrPort{}
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
