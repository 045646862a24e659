package dhcp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/netboot"
)

const (
	workers    = 8    // packets handled at once; inventories may block
	maxPending = 4096 // replies that wait for the journal
)

// Serve answers the packets of t as h decides, until ctx ends, which is no
// error, or t fails. It returns when everything it started has ended; what was
// acknowledged in the journal by then has been sent, and what was to
// be done later is dropped. It leaves closing t to the caller.
//
// Several Serves may share a Handler, each with its own transport.
func Serve(ctx context.Context, t Transport, h *Handler) error {
	h.init()
	s := &server{t: t, h: h, pending: make(chan task, maxPending)}
	s.later = &timers{run: func(k task) { s.do(ctx, k) }}
	committed := make(chan struct{})
	go func() {
		defer close(committed)
		s.commit(context.WithoutCancel(ctx))
	}()
	g, gctx := errgroup.WithContext(ctx)
	for range workers {
		g.Go(func() error { return s.work(gctx) })
	}
	err := g.Wait()
	s.later.stop()
	close(s.pending)
	<-committed
	if ctx.Err() != nil {
		err = nil // asked to end
	}
	return err
}

// server is one Serve.
type server struct {
	t       Transport
	h       *Handler
	pending chan task // replies whose journal record may not be on the disk
	later   *timers
}

// task is an action and the interface it belongs to.
type task struct {
	ifindex int
	Action
}

func (s *server) work(ctx context.Context) error {
	for {
		p, err := s.t.Recv(ctx)
		if err != nil {
			return fmt.Errorf("dhcp: receive: %w", err)
		}
		if p.At.IsZero() {
			p.At = time.Now()
		}
		s.dispatch(ctx, p, s.h.Handle(ctx, p))
	}
}

// dispatch does what is to be done now, and queues the rest.
func (s *server) dispatch(ctx context.Context, p Packet, actions []Action) {
	var delayed []task
	for _, a := range actions {
		k := task{p.IfIndex, a}
		switch {
		case a.After > 0:
			delayed = append(delayed, k)
		case uint64(a.Commit) > s.h.Leases.durable.Load():
			s.pending <- k // full: the transport's buffers fill, and it drops
		default:
			s.do(ctx, k)
		}
	}
	if len(delayed) > 0 {
		s.later.put(p.At, delayed)
	}
}

// commit flushes the journal for all the replies that wait, and sends them,
// until pending is closed.
func (s *server) commit(ctx context.Context) {
	for k := range s.pending {
		batch := []task{k}
		for range len(s.pending) {
			batch = append(batch, <-s.pending)
		}
		durable, err := s.h.Leases.Sync()
		s.h.counts.syncs.Add(1)
		if err != nil {
			s.h.Log.Error("dhcp lease journal cannot be written: replies are held back until it can", "err", err)
		}
		for _, k := range batch {
			if k.Commit > durable {
				s.h.counts.unsynced.Add(1)
				continue
			}
			s.do(ctx, k)
		}
	}
}

// do does one action, and tells the observer.
func (s *server) do(ctx context.Context, k task) {
	if k.Valid != nil && !k.Valid() {
		return
	}
	if k.Payload != nil || k.Frame != nil || k.Neighbor != nil {
		if err := s.t.Do(ctx, k.ifindex, k.Action); err != nil {
			s.h.counts.unsent.Add(1)
			if !errors.Is(err, context.Canceled) {
				s.h.Log.Warn("dhcp action not done", "to", k.To.Kind.String(), "address", k.To.Addr, "err", err)
			}
			return
		}
	}
	if k.Frame != nil {
		s.h.counts.nudges.Add(1)
	}
	if k.Event != nil {
		s.h.tell(*k.Event)
	}
}

// tell passes e on with the time it happened.
func (h *Handler) tell(e netboot.Event) {
	if e.Kind == netboot.OSLease || e.Kind == netboot.Nudged {
		h.Log.Info("dhcp "+e.Kind.String(), "machine", e.Machine, "address", e.Addr, "mac", e.Client.MAC.String())
	}
	if h.Observer == nil {
		return
	}
	e.At = time.Now()
	h.Observer.Observe(e)
}
