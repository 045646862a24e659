package tftp

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
)

// serving is one Serve: a listener and the transfers that began there.
type serving struct {
	gate      *gate
	conf      *config
	listener  listener
	transfers sync.WaitGroup
}

// loop takes requests until it is told to stop.
func (s *serving) loop(ctx context.Context) error {
	buf := make([]byte, maxRequest)
	for failures := 0; ; {
		n, a, err := s.listener.read(buf)
		switch {
		case ctx.Err() != nil, errors.Is(err, net.ErrClosed), err != nil && s.gate.isClosing():
			return nil //nolint:nilerr // asked to stop
		case err != nil:
			if failures++; failures > 10 {
				return err
			}
			s.conf.log.Warn("tftp: receive", "err", err)
			pause(ctx, time.Duration(failures)*10*time.Millisecond)
		default:
			failures = 0
			s.handle(ctx, a, buf[:n])
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// handle answers one packet, with at most one of ours, or begins a transfer.
func (s *serving) handle(ctx context.Context, a arrival, p []byte) {
	if len(p) < 2 || binary.BigEndian.Uint16(p) == opERROR {
		return // an answer to an error could go round for ever
	}
	if a.iface.name == "" {
		a.iface.name = s.conf.iface
	}
	q, err := parsePacket(p)
	ok, tell := s.gate.spend(a.client(), time.Now())
	switch {
	case !ok && tell:
		s.refuse(a, q.name, ErrLimit)
	case !ok:
		s.conf.count.refused.Add(1)
	case errors.Is(err, errStray):
		_ = s.listener.reply(errorPacket(codeUnknownTID, "Unknown transfer"), a)
	case err != nil:
		_ = s.listener.reply(replyTo(err), a)
		s.refuse(a, q.name, err)
	default:
		s.begin(ctx, newTransfer(s, a, q, p))
	}
}

// errStray is the error of a packet that belongs to no transfer.
var errStray = errors.New("tftp: packet of no transfer")

// parsePacket returns the read request in p.
func parsePacket(p []byte) (q readRequest, err error) {
	switch binary.BigEndian.Uint16(p) {
	case opRRQ:
	case opWRQ:
		q, _ = parseRequest(p[2:])
		return q, ErrWrite
	case opDATA, opACK, opOACK:
		return q, errStray
	default:
		return q, ErrMalformed
	}
	q, ok := parseRequest(p[2:])
	if !ok {
		return readRequest{}, ErrMalformed
	}
	if q.mode != "octet" && q.mode != "netascii" {
		return q, ErrMode
	}
	return q, nil
}

// client is who sent a packet, as limits count.
func (a arrival) client() clientKey { return clientKey{a.iface.name, a.peer.Addr()} }

func (s *serving) begin(ctx context.Context, t *transfer) {
	now := time.Now()
	t.ctx, t.cancel = context.WithCancelCause(ctx)
	v, running, ended := s.gate.admit(t, now)
	for _, e := range ended {
		e.t.cancel(e.cause)
	}
	switch v {
	case letIn:
		s.conf.count.requests.Add(1)
		s.transfers.Go(t.run)
		return
	case repeat:
		s.conf.count.repeated.Add(1)
		running.again()
	case tooMany:
		s.refuse(t.arrival, t.request.Name, ErrLimit)
	case ignore:
	}
	t.cancel(nil)
}

// refuse makes known that a request got nothing.
func (s *serving) refuse(a arrival, name string, err error) {
	s.conf.count.refused.Add(1)
	s.conf.log.Warn("tftp: request refused", "client", a.peer, "interface", a.iface.name, "file", name, "err", err)
	s.conf.observer.Observe(netboot.Event{
		At: time.Now(), Kind: netboot.FileRefused, File: name, Err: err, Addr: a.peer.Addr(),
		Client: netboot.Client{Interface: a.iface.name, Addr: a.peer.Addr()},
	})
}
