package quic

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
)

// begin makes a connection of a datagram, unless it cannot be decrypted.
func (l *listener) begin(b []byte, from netip.AddrPort, now time.Time) bool {
	c := Collector{Limits: l.s.Hello}
	status, err := c.Add(b, &l.info)
	if !c.Started() {
		return false
	}
	l.mu.Lock()
	f := l.add(from)
	if f == nil {
		l.unlock()
		return true
	}
	f.collector = c
	f.ids = [][]byte{c.dcid}
	f.record.ID = hex.EncodeToString(c.dcid)
	f.wait(l.s.Timeouts.hello())
	l.unlock()
	f.took(b, now)
	f.collected(b, status, err)
	return true
}

// took counts a datagram of the client's.
func (f *flow) took(b []byte, now time.Time) {
	f.active.Store(now.UnixNano())
	f.received.Add(int64(len(b)))
}

// fromClient handles a datagram of a connection.
func (f *flow) fromClient(b []byte, now time.Time) {
	f.took(b, now)
	l := f.l
	l.mu.Lock()
	state, conn := f.state, f.conn
	if state == connecting {
		f.hold(b)
	}
	l.unlock()
	switch {
	case state == collecting:
		status, err := f.collector.Add(b, &l.info)
		f.collected(b, status, err)
	case conn != nil && (state == connecting || state == relaying):
		f.toServer(conn, b)
	}
}

// collected goes on after a datagram that the collector has seen.
func (f *flow) collected(b []byte, status clienthello.Status, err error) {
	l := f.l
	l.mu.Lock()
	if f.state != collecting {
		l.mu.Unlock()
		return
	}
	f.hold(b)
	if status == clienthello.NeedMore {
		l.unlock()
		return
	}
	f.proceed()
	f.state = connecting
	l.unlock()

	var r *sniproxy.RefusedError
	if status == clienthello.Malformed {
		r = malformed(err)
	} else {
		r = f.route()
	}
	if r != nil {
		f.refuse(r)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.launch(f)
}

// route asks the router about the hello that is whole.
func (f *flow) route() *sniproxy.RefusedError {
	l := f.l
	f.record.Name = string(l.info.ServerName)
	f.record.HelloSize = l.info.Size
	f.record.HelloTook = time.Since(f.record.Start)
	f.earlyData = l.info.EarlyData
	d, err := l.s.Router.Route(&sniproxy.Request{
		Proto: sniproxy.QUIC, Name: f.record.Name, Client: f.record.Client, Local: l.local, Hello: &l.info,
	})
	if err != nil {
		return refusedBy(err)
	}
	if d.Backend == nil {
		return &sniproxy.RefusedError{Result: sniproxy.Denied, Alert: clienthello.AlertAccessDenied, Err: sniproxy.ErrDenied}
	}
	f.decision, f.record.Site = d, d.Site
	l.mu.Lock()
	defer l.mu.Unlock()
	return f.limitSite()
}

// limitSite counts the connection as one of the site's. Called with mu held.
func (f *flow) limitSite() *sniproxy.RefusedError {
	if f.l.s.Limiter == nil {
		return nil
	}
	lease, err := f.l.s.Limiter.Site(f.decision.Site, f.decision.Limit)
	if err != nil {
		return &sniproxy.RefusedError{Result: sniproxy.Limited, Err: err}
	}
	f.bySite = lease
	return nil
}

// malformed says what a hello was refused for.
func malformed(err error) *sniproxy.RefusedError {
	r := &sniproxy.RefusedError{Result: sniproxy.Malformed, Err: err}
	var e *clienthello.Error
	if errors.As(err, &e) {
		r.Alert = e.Alert
		if e.Reason == clienthello.TooLarge {
			r.Result = sniproxy.TooLarge
		}
	}
	return r
}

// refusedBy says what a router's error means.
func refusedBy(err error) *sniproxy.RefusedError {
	var r *sniproxy.RefusedError
	switch {
	case errors.As(err, &r):
		return r
	case errors.Is(err, sniproxy.ErrUnknownName):
		return &sniproxy.RefusedError{Result: sniproxy.UnknownName, Alert: clienthello.AlertUnrecognizedName, Err: err}
	case errors.Is(err, sniproxy.ErrNoName):
		return &sniproxy.RefusedError{Result: sniproxy.NoName, Alert: clienthello.AlertUnrecognizedName, Err: err}
	case errors.Is(err, sniproxy.ErrLimited):
		return &sniproxy.RefusedError{Result: sniproxy.Limited, Err: err}
	}
	return &sniproxy.RefusedError{Result: sniproxy.Denied, Alert: clienthello.AlertAccessDenied, Err: err}
}

// refuse closes the client's connection by one small packet, so that it need not
// wait, and passes over what still comes of it for a while.
func (f *flow) refuse(r *sniproxy.RefusedError) {
	l := f.l
	if packet := f.collector.refusal(closeCode(r)); packet != nil && f.sent.Load() == 0 {
		f.sent.Add(int64(len(packet)))
		l.write(packet, f.client)
	}
	l.mu.Lock()
	f.release()
	f.uncount()
	if l.closed {
		f.remove()
	} else {
		f.state = refused
		f.wait(l.s.Timeouts.hello())
	}
	l.mu.Unlock()
	f.report(r.Result, r)
}

// closeCode is the error code of a CONNECTION_CLOSE frame (RFC 9000 section 20.1).
func closeCode(r *sniproxy.RefusedError) uint16 {
	switch {
	case errors.Is(r, ErrProtocol):
		return protocolViolation
	case r.Result == sniproxy.Limited || r.Result == sniproxy.BackendRefused || r.Result == sniproxy.BackendTimeout || r.Alert == 0:
		return connectionRefused
	}
	return cryptoError + uint16(r.Alert)
}
