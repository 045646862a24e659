package netboottest

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// stack is the network stack of the emulated machine: Ethernet, ARP, and UDP
// over IPv4 without fragments. One goroutine uses it.
type stack struct {
	ctx  context.Context
	link Link
	mac  hwAddr
	addr netip.Addr // own address; unspecified before it has one
	deaf bool       // ARP requests are not answered
	id   uint16     // IP identification

	neighbors map[netip.Addr]hwAddr

	fragments, badChecksums, unanswered int
}

func newStack(ctx context.Context, link Link, mac hwAddr) *stack {
	return &stack{ctx: ctx, link: link, mac: mac, addr: netip.IPv4Unspecified(), neighbors: make(map[netip.Addr]hwAddr)}
}

// reset forgets addresses, as at the start of each stage.
func (s *stack) reset() {
	s.addr, s.deaf = netip.IPv4Unspecified(), false
	clear(s.neighbors)
}

// send sends a datagram to dst through the host via.
func (s *stack) send(via hwAddr, srcPort uint16, dst netip.AddrPort, payload []byte, checksum bool) error {
	s.id++
	d := datagram{
		to: via, from: s.mac, src: netip.AddrPortFrom(s.addr, srcPort), dst: dst,
		noChecksum: !checksum, payload: payload,
	}
	return s.link.Send(d.frame(s.id))
}

// next waits for the next frame that is for this machine, answering ARP on the
// way. A frame that is no UDP datagram for it, ARP included, is returned as
// nil. At the deadline the error is [os.ErrDeadlineExceeded].
func (s *stack) next(deadline time.Time) (*datagram, error) {
	for {
		if err := s.link.SetReadDeadline(deadline); err != nil {
			return nil, err
		}
		// The end of ctx sets the deadline, too: asked after ours is set, so
		// that one of the two is seen.
		if err := context.Cause(s.ctx); err != nil {
			return nil, err
		}
		frame, err := s.link.Recv()
		if err != nil {
			if cause := context.Cause(s.ctx); cause != nil {
				err = cause
			}
			return nil, err
		}
		if len(frame) < etherHeader {
			continue
		}
		if to := hwAddr(frame[:6]); to == s.mac || to == broadcastMAC {
			return s.take(frame)
		}
	}
}

func (s *stack) take(frame []byte) (*datagram, error) {
	if a, ok := parseARP(frame); ok {
		return nil, s.takeARP(a)
	}
	d, err := parseDatagram(frame)
	switch {
	case errors.Is(err, errFragment):
		s.fragments++
	case errors.Is(err, errChecksum):
		s.badChecksums++
	case err == nil && (d.dst.Port() == dhcpClientPort || d.dst.Addr() == s.addr):
		return &d, nil
	}
	return nil, nil
}

func (s *stack) takeARP(a arp) error {
	if s.addr.IsUnspecified() || a.targetIP != s.addr {
		return nil
	}
	if a.op == arpReply {
		s.neighbors[a.senderIP] = a.senderMAC
		return nil
	}
	if a.op != arpRequest {
		return nil
	}
	if s.deaf {
		s.unanswered++
		return nil
	}
	answer := arp{op: arpReply, senderMAC: s.mac, senderIP: s.addr, targetMAC: a.senderMAC, targetIP: a.senderIP}
	return s.link.Send(answer.frame(a.senderMAC))
}

// resolve asks ARP for addr, tries times, and reports whether it got an answer.
func (s *stack) resolve(addr netip.Addr, tries int, every time.Duration) (hwAddr, bool, error) {
	for range tries {
		ask := arp{op: arpRequest, senderMAC: s.mac, senderIP: s.addr, targetIP: addr}
		if err := s.link.Send(ask.frame(broadcastMAC)); err != nil {
			return noMAC, false, err
		}
		until := time.Now().Add(every)
		for {
			_, err := s.next(until)
			if isTimeout(err) {
				break
			}
			if err != nil {
				return noMAC, false, err
			}
			if mac, ok := s.neighbors[addr]; ok {
				return mac, true, nil
			}
		}
	}
	return noMAC, false, nil
}

// idle does nothing but answer ARP until the time has come.
func (s *stack) idle(until time.Time) error {
	for {
		if _, err := s.next(until); isTimeout(err) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// pause leaves all frames waiting for the duration.
func (s *stack) pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
}
