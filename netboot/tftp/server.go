package tftp

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
)

// Defaults of [Server].
const (
	DefaultMaxWindow    = 64
	DefaultMaxPerClient = 16
	DefaultMaxTransfers = 1000
	DefaultRequestRate  = 100
	DefaultMTU          = 1500
	DefaultMinRTO       = 20 * time.Millisecond
	DefaultMaxRTO       = 200 * time.Millisecond
	DefaultGiveUp       = 30 * time.Second
)

// Server serves files over TFTP. Only Handler is needed. Fields are not to be
// changed once Serve was called. All Serve calls on one Server share its limits.
type Server struct {
	// Handler opens files.
	Handler Handler
	// Observer is told of every step of a transfer. Nil means nobody. For
	// what each kind of event carries see the package comment.
	Observer netboot.Observer
	// Log gets one line per transfer at its end. Nil means none.
	Log *slog.Logger
	// Interface names the interface of requests that come through a socket
	// which does not tell. Empty means they have none.
	Interface string

	// MaxBlock bounds the block size in bytes. Zero means what fits into one
	// packet of the client's interface, which is the bound in any case.
	MaxBlock int
	// MaxWindow bounds the window size of RFC 7440, in blocks. Zero means
	// [DefaultMaxWindow]; 1 is lockstep as in RFC 1350. A window is also held
	// to 128 KiB.
	MaxWindow int
	// MaxPerClient bounds the transfers of one client at a time. Zero means
	// [DefaultMaxPerClient]. A request beyond it ends the client's oldest
	// transfer that the client has not answered yet, else its oldest that has
	// stood still for half a second; if all go on, the request is passed over
	// in silence.
	MaxPerClient int
	// MaxTransfers bounds all transfers at a time. Zero means
	// [DefaultMaxTransfers]. Each takes a socket and up to 320 KiB. A request
	// beyond it ends the oldest transfer that no client has answered yet, or is
	// passed over.
	MaxTransfers int
	// RequestRate bounds the requests of one client per second, after a burst
	// of twice as many. Zero means [DefaultRequestRate]. What is beyond is
	// passed over in silence.
	RequestRate float64
	// MTU is that of an interface that the socket does not tell. Zero means
	// [DefaultMTU].
	MTU int

	// MinRTO and MaxRTO bound the retransmission timeout, which follows the
	// round trip time between them. Zero means [DefaultMinRTO] and
	// [DefaultMaxRTO]. A client's timeout option lowers MaxRTO, never raises it.
	MinRTO, MaxRTO time.Duration
	// GiveUp is how long a client may make no progress. Zero means
	// [DefaultGiveUp]. A client that has not answered at all gets a third.
	GiveUp time.Duration

	// NoConfirm stops telling the kernel, with each answer that a client
	// gives, that its neighbour entry is good. A boot ROM that does not answer
	// ARP while it loads then stalls after eight seconds. Linux only.
	NoConfirm bool
	// NoGSO stops handing the kernel a whole window at a time. Linux only.
	NoGSO bool

	once  sync.Once
	conf  *config
	gate  gate // shared by all Serve calls
	count counters
}

// config is a Server's options with the zeros replaced.
type config struct {
	handler   Handler
	observer  netboot.Observer
	log       *slog.Logger
	iface     string
	limits    limits
	mtu       int
	low, high time.Duration // of the retransmission timeout
	giveUp    time.Duration
	noConfirm bool
	noGSO     bool
	pools     chunkPools
	count     *counters
}

func (s *Server) start() {
	s.conf = &config{
		handler:   s.Handler,
		observer:  netboot.Observers(s.Observer),
		log:       cmp.Or(s.Log, slog.New(slog.DiscardHandler)),
		iface:     s.Interface,
		limits:    limits{block: cmp.Or(s.MaxBlock, maxBlock), window: cmp.Or(s.MaxWindow, DefaultMaxWindow)},
		mtu:       cmp.Or(s.MTU, DefaultMTU),
		low:       cmp.Or(s.MinRTO, DefaultMinRTO),
		high:      cmp.Or(s.MaxRTO, DefaultMaxRTO),
		giveUp:    cmp.Or(s.GiveUp, DefaultGiveUp),
		noConfirm: s.NoConfirm,
		noGSO:     s.NoGSO,
		count:     &s.count,
	}
	s.gate.perClient = cmp.Or(s.MaxPerClient, DefaultMaxPerClient)
	s.gate.total = cmp.Or(s.MaxTransfers, DefaultMaxTransfers)
	s.gate.rate = cmp.Or(s.RequestRate, DefaultRequestRate)
}

// Serve answers requests that come in on conn until ctx ends or
// [Server.Shutdown] is called, and returns nil then. It returns the socket's
// error when conn fails, nil when it was closed. In any case it closes conn and
// waits for its transfers: those end at once with ctx, else in their own time.
//
// A *net.UDPConn gets a socket for each transfer, bound to the address that the
// request came to. Any other PacketConn carries all transfers itself.
func (s *Server) Serve(ctx context.Context, conn net.PacketConn) error {
	defer conn.Close()
	if s.Handler == nil {
		return errors.New("tftp: Server.Handler is nil: set it, for instance to FSHandler(inventory)")
	}
	s.once.Do(s.start)
	l, err := newListener(conn, s.conf)
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	if err != nil {
		return err
	}
	stop := func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) }
	defer context.AfterFunc(ctx, stop)()
	if !s.gate.enter(conn, stop) {
		return nil
	}
	defer s.gate.leave(conn)

	r := &serving{gate: &s.gate, conf: s.conf, listener: l}
	err = r.loop(ctx)
	r.transfers.Wait()
	return err
}

func newListener(conn net.PacketConn, c *config) (listener, error) {
	if u, ok := conn.(*net.UDPConn); ok {
		return newUDPListener(u, c)
	}
	return newSharedConn(conn), nil
}

// Shutdown takes no more requests, waits for the transfers that run, and has
// Serve return. When ctx ends first it cuts the transfers, which tells their
// clients, and returns ctx's error. A Server that was shut down stays so.
func (s *Server) Shutdown(ctx context.Context) error {
	select {
	case <-s.gate.close():
	case <-ctx.Done():
		s.gate.cut()
		<-s.gate.close()
		s.gate.release()
		return ctx.Err()
	}
	s.gate.release()
	return nil
}

// Stats returns how much was done so far.
func (s *Server) Stats() Stats {
	st := s.count.snapshot()
	st.Active = s.gate.active()
	return st
}
