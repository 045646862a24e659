package snmptest

import (
	"net"
	"time"
)

// send sends the answer, and what the faults make of it.
func (s *service) send(r Request, m *message, f *Faults) {
	if f.wrong() {
		bad := f.spoil(r, *m)
		out := outgoing{to: r.From, bytes: bad.append(nil), other: f.OtherAddress}
		if f.Garbled {
			out.bytes = out.bytes[:len(out.bytes)/2]
		}
		s.later(f.delay(), func() { s.write(out) })
		if !f.Decoy {
			return
		}
	}
	if f.chance(f.LoseReply) {
		s.agent.count.lost.Add(1)
		return
	}
	out := outgoing{to: r.From, bytes: m.append(nil)}
	if f.chance(f.Reorder) {
		s.hold(out)
		return
	}
	s.later(f.delay(), func() { s.release(out) })
	if f.chance(f.Duplicate) {
		s.later(f.delay(), func() { s.write(out) })
	}
}

// hold keeps a message until another has gone out.
func (s *service) hold(out outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = append(s.held, out)
}

// release sends a message and those that it has overtaken.
func (s *service) release(out outgoing) {
	s.mu.Lock()
	held := s.held
	s.held = nil
	s.mu.Unlock()
	s.write(out)
	for _, late := range held {
		s.write(late)
	}
}

// write sends at once. What cannot be sent is lost, as on any network.
func (s *service) write(out outgoing) {
	conn := s.conn
	if out.other {
		if conn = s.otherConn(); conn == nil {
			return
		}
	}
	if _, err := conn.WriteTo(out.bytes, out.to); err == nil {
		s.agent.count.replies.Add(1)
	}
}

// otherConn is a second socket of the same host.
func (s *service) otherConn() net.PacketConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.other == nil && !s.closed {
		host, _, err := net.SplitHostPort(s.conn.LocalAddr().String())
		if err != nil {
			return nil
		}
		if s.other, err = net.ListenPacket("udp", net.JoinHostPort(host, "0")); err != nil {
			return nil
		}
	}
	return s.other
}

// later runs fn after a while, or at once, unless the service has ended by then.
func (s *service) later(d time.Duration, fn func()) {
	if d <= 0 {
		fn()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if s.timers == nil {
		s.timers = make(map[*time.Timer]bool)
	}
	s.wait.Add(1)
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		defer s.wait.Done()
		s.mu.Lock()
		delete(s.timers, t)
		closed := s.closed
		s.mu.Unlock()
		if !closed {
			fn()
		}
	})
	s.timers[t] = true
}

// close ends what is still to come and waits for what is under way.
func (s *service) close() {
	s.mu.Lock()
	s.closed = true
	for t := range s.timers {
		if t.Stop() {
			s.wait.Done()
		}
	}
	s.timers = nil
	other := s.other
	s.mu.Unlock()
	s.conn.Close()
	if other != nil {
		other.Close()
	}
	s.wait.Wait()
}
