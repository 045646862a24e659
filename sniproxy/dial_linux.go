package sniproxy

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
)

// dial connects to the first address that answers, and sends it first behind the
// header. The bytes of first are kept only if that cannot be done at once.
func (s *shard) dial(c *conn, addrs []netip.AddrPort, first []byte) {
	d := take(&s.unused.dialing)
	d.err = nil
	n := copy(d.addrs[:], addrs)
	d.race = backend.Race{Timeout: s.run.timeouts.Dial - s.now.Sub(c.open.since)}
	d.race.Start(n, s.now)
	for i := range d.tries {
		d.tries[i] = try{fd: -1}
	}
	c.state, c.open.dial = inDial, d
	if n == 0 {
		d.err = backend.ErrNoBackend
	}
	out, err := s.withHeader(c, first)
	if err != nil {
		s.refuse(c, refuse(BackendRefused, err))
		return
	}
	s.next(c, out)
	if c.state == inDial {
		s.keepFirst(c, out)
	}
}

// withHeader puts the PROXY header before the client's bytes, so that they leave
// together.
func (s *shard) withHeader(c *conn, first []byte) ([]byte, error) {
	d := &c.open.decision
	if d.Proxy == 0 {
		return first, nil
	}
	id := ""
	if d.TLVs != 0 {
		id = c.uniqueID()
	}
	out, err := appendHeader(s.out[:0], d, c.client, c.local, c.name, id)
	if err != nil {
		return nil, err
	}
	s.out = append(out, first...)
	return s.out, nil
}

func (s *shard) keepFirst(c *conn, out []byte) {
	switch {
	case c.open.bytes == nil:
		c.open.bytes = s.keep(out)
	case len(out) > 0 && &c.open.bytes[:1][0] == &out[0]:
		c.open.bytes = out
	default:
		c.open.bytes = append(c.open.bytes[:0], out...)
	}
}

// next starts the attempts that are due, and ends the race when it is over.
func (s *shard) next(c *conn, first []byte) {
	d := c.open.dial
	for {
		i, wait := d.race.Next(s.now)
		if i < 0 {
			if wait > 0 {
				s.after(c, wait)
			} else {
				s.lost(c)
			}
			return
		}
		switch e := s.try(c, i, first); {
		case e != nil:
			s.failed(c, i, e)
		case c.state != inDial:
			return
		}
	}
}

// lost is the end of a race that nobody won.
func (s *shard) lost(c *conn) {
	d := c.open.dial
	err := d.err
	for i := range d.tries {
		if d.race.IsRunning(i) {
			err = errDialTimeout
			s.failed(c, i, errDialTimeout)
		}
	}
	if err == nil {
		err = errDialTimeout
	}
	c.dialTook = s.now.Sub(c.open.since)
	s.refuse(c, dialRefusal(err))
}

// failed notes how an attempt ended.
func (s *shard) failed(c *conn, i int, err error) {
	d := c.open.dial
	t := &d.tries[i]
	if t.fd >= 0 {
		sysClose(t.fd)
		t.fd = -1
	}
	d.err = err
	d.race.Failed(i)
	s.run.dialled(&c.open.decision, d.addrs[i], err, s.now.Sub(t.since))
}

// try starts one attempt. On a local network it may succeed at once.
func (s *shard) try(c *conn, i int, first []byte) error {
	d := c.open.dial
	t, addr := &d.tries[i], d.addrs[i]
	t.since = s.now
	if err := s.run.allowed(addr); err != nil {
		return err
	}
	fd, e := sysSocket6()
	if e != 0 {
		return fmt.Errorf("sniproxy: socket: %w", e)
	}
	t.fd = fd
	_ = sysSetInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if src := c.open.decision.Source; src != nil {
		if err := src.Bind(int(fd), c.client.Addr()); err != nil {
			return err
		}
	}
	if e := sysConnect6(fd, addr); e != 0 && e != unix.EINPROGRESS {
		return fmt.Errorf("sniproxy: connect to %v: %w", addr, e)
	}
	n, e := sysSend(fd, first)
	switch e {
	case 0:
		s.won(c, i, first[n:])
		return nil
	case unix.EAGAIN, unix.ENOTCONN:
		if e := sysEpollAdd(s.ep, fd, socketEvent(c.id, roleTry+uint8(i))); e != 0 {
			return fmt.Errorf("sniproxy: epoll_ctl: %w", e)
		}
		t.added = true
		return nil
	}
	return fmt.Errorf("sniproxy: connect to %v: %w", addr, e)
}

// allowed asks the guard, and refuses the proxy's own listeners, which would go
// round in circles.
func (r *running) allowed(addr netip.AddrPort) error { return r.Guard.Check(addr) }

// tried is an event of an attempt's socket.
func (s *shard) tried(c *conn, i int, events uint32) {
	d := c.open.dial
	if d.tries[i].fd < 0 {
		return
	}
	fd := d.tries[i].fd
	if events&(evErr|unix.EPOLLHUP) != 0 {
		e := sysError(fd)
		if e == 0 {
			return // of a socket that was here before
		}
		s.failed(c, i, fmt.Errorf("sniproxy: connect to %v: %w", d.addrs[i], e))
		s.next(c, c.open.bytes)
		return
	}
	if events&evOut == 0 {
		return
	}
	n, e := sysSend(fd, c.open.bytes)
	switch e {
	case 0:
		s.won(c, i, c.open.bytes[n:])
	case unix.EAGAIN, unix.ENOTCONN:
	default:
		s.failed(c, i, fmt.Errorf("sniproxy: connect to %v: %w", d.addrs[i], e))
		s.next(c, c.open.bytes)
	}
}

// won begins relaying with the attempt that connected first. rest is what it did
// not take yet.
func (s *shard) won(c *conn, i int, rest []byte) {
	d := c.open.dial
	d.race.Connected(i)
	b := &c.ends[server]
	b.fd, b.role = d.tries[i].fd, roleTry+uint8(i)
	c.serverAdded = d.tries[i].added
	d.tries[i].fd = -1
	took := s.now.Sub(d.tries[i].since)
	c.dialTook = s.now.Sub(c.open.since)
	decision, addr := c.open.decision, d.addrs[i]
	c.connected(&decision, addr)
	if len(rest) > 0 {
		c.ends[client].rest = append([]byte(nil), rest...)
	}
	for j := range d.tries {
		if d.race.Overtaken(j) {
			decision.Backend.Report(d.addrs[j], backend.ErrOvertaken, s.now.Sub(d.tries[j].since))
		}
	}
	s.unwait(c)
	s.run.dialled(&decision, addr, nil, took)
	if c.web != nil {
		s.exchange(c)
	} else {
		s.relay(c)
	}
}

// unwait gives back what the connection had until it was relayed.
func (s *shard) unwait(c *conn) {
	o := c.open
	if o == nil {
		return
	}
	c.open = nil
	if d := o.dial; d != nil {
		for i := range d.tries {
			if d.tries[i].fd >= 0 {
				sysClose(d.tries[i].fd)
				d.tries[i].fd = -1
			}
		}
		d.err = nil
		give(&s.unused.dialing, d)
	}
	if o.opening != nil {
		give(&s.unused.openings, o.opening)
	}
	if o.bytes != nil {
		s.drop(o.bytes)
	}
	*o = awaiting{}
	give(&s.unused.awaiting, o)
}
