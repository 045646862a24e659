package backend

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// DialOptions are how [Dial] connects. The zero value connects to any address, from
// one of the kernel's choice.
type DialOptions struct {
	// Guard is asked about each address right before it is dialled. Nil allows
	// all of them: for addresses that an operator wrote.
	Guard *Guard
	// Source chooses where the connection comes from, for Client.
	Source *Source
	Client netip.Addr
	// Stagger and Timeout are those of [Race].
	Stagger, Timeout time.Duration
	// Report is told how each attempt ended: [Pool.Report] or [Lookup.Report].
	// Nil means nobody.
	Report func(addr netip.AddrPort, err error, took time.Duration)
}

// Dial connects to the first of the candidates that answers. The next one is tried
// after Stagger or when one fails. MPTCP and keep-alive are off, TCP_NODELAY is on.
//
// Attempts that another one has overtaken are reported as ErrOvertaken; those that
// started after the winner are not reported, nor is any when ctx ends. The error is
// a *[DialError], or ErrNoBackend when there are no candidates, or that of ctx.
func Dial(ctx context.Context, candidates []netip.AddrPort, o DialOptions) (*net.TCPConn, error) {
	if len(candidates) == 0 {
		return nil, ErrNoBackend
	}
	inner, cancel := context.WithCancel(ctx)
	d := &dialling{o: o, candidates: candidates, ended: make(chan ended, min(len(candidates), MaxRace))}
	conn, err := d.run(inner)
	cancel()
	d.giveUp()
	if conn == nil && ctx.Err() != nil {
		err = fmt.Errorf("backend: dial: %w", context.Cause(ctx))
	}
	return conn, err
}

// dialling is one call of Dial.
type dialling struct {
	o          DialOptions
	candidates []netip.AddrPort
	race       Race
	began      [MaxRace]time.Time
	ended      chan ended // has room for all attempts, so that none of them waits
	failed     DialError
}

type ended struct {
	i    int
	conn *net.TCPConn
	err  error
	took time.Duration
}

func (d *dialling) run(ctx context.Context) (*net.TCPConn, error) {
	if len(d.candidates) == 1 {
		return d.alone(ctx)
	}
	d.race.Stagger, d.race.Timeout = d.o.Stagger, d.o.Timeout
	d.race.Start(len(d.candidates), time.Now())
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now := time.Now()
		start, wait := d.race.Next(now)
		if start >= 0 {
			d.began[start] = now
			go func() { d.ended <- d.attempt(ctx, start) }()
			continue
		}
		if wait <= 0 {
			d.timeOut(now)
			return nil, &d.failed
		}
		timer.Reset(wait)
		select {
		case e := <-d.ended:
			if e.err == nil {
				d.race.Connected(e.i)
				d.report(e.i, nil, e.took)
				return e.conn, nil
			}
			d.fail(e)
		case <-timer.C:
		case <-ctx.Done():
			return nil, &d.failed
		}
	}
}

// alone is run for a single candidate, which needs no goroutine.
func (d *dialling) alone(ctx context.Context) (*net.TCPConn, error) {
	timed, cancel := context.WithTimeout(ctx, orElse(d.o.Timeout, raceTimeout))
	defer cancel()
	d.began[0] = time.Now()
	e := d.attempt(timed, 0)
	switch {
	case e.err == nil:
		d.report(0, nil, e.took)
	case ctx.Err() == nil:
		d.fail(e)
	}
	if e.err != nil {
		return nil, &d.failed
	}
	return e.conn, nil
}

func (d *dialling) attempt(ctx context.Context, i int) ended {
	conn, err := dialOne(ctx, d.candidates[i], &d.o)
	return ended{i: i, conn: conn, err: err, took: time.Since(d.began[i])}
}

func (d *dialling) fail(e ended) {
	d.race.Failed(e.i)
	d.failed.Attempts = append(d.failed.Attempts, Attempt{Addr: d.candidates[e.i], Err: e.err, Took: e.took})
	d.report(e.i, e.err, e.took)
}

// timeOut counts the attempts that still run as failed: the race is over.
func (d *dialling) timeOut(now time.Time) {
	for i := range min(len(d.candidates), MaxRace) {
		if d.race.IsRunning(i) {
			e := ended{i: i, err: errTimeout, took: now.Sub(d.began[i])}
			d.failed.Attempts = append(d.failed.Attempts, Attempt{Addr: d.candidates[i], Err: e.err, Took: e.took})
			d.report(i, e.err, e.took)
		}
	}
}

// giveUp waits for the attempts that nobody needs any more, whose context has
// ended, and closes what they may have opened.
func (d *dialling) giveUp() {
	for i := range min(len(d.candidates), MaxRace) {
		if d.race.Overtaken(i) {
			d.report(i, ErrOvertaken, time.Since(d.began[i]))
		}
	}
	for range d.race.Running() {
		if e := <-d.ended; e.conn != nil {
			_ = e.conn.Close()
		}
	}
}

func (d *dialling) report(i int, err error, took time.Duration) {
	if d.o.Report != nil {
		d.o.Report(d.candidates[i], err, took)
	}
}

func dialOne(ctx context.Context, addr netip.AddrPort, o *DialOptions) (*net.TCPConn, error) {
	if o.Guard != nil { // before there is a socket
		if err := o.Guard.Check(addr); err != nil {
			return nil, err
		}
	}
	local, freebind := o.Source.Addr(o.Client)
	dialer := net.Dialer{
		KeepAlive: -1,
		ControlContext: func(_ context.Context, _, address string, c syscall.RawConn) error {
			return control(address, c, o.Guard, local.IsValid(), freebind)
		},
	}
	dialer.SetMultipathTCP(false)
	if local.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	conn, err := dialer.DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// control sees the address that the socket is about to be connected to.
func control(address string, c syscall.RawConn, guard *Guard, bind, freebind bool) error {
	if guard != nil {
		addr, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("backend: address %q to be dialled: %w", address, err)
		}
		if err := guard.Check(addr); err != nil {
			return err
		}
	}
	if !bind {
		return nil
	}
	var inner error
	if err := c.Control(func(fd uintptr) { inner = bindOptions(int(fd), freebind) }); err != nil {
		return fmt.Errorf("backend: source: %w", err)
	}
	return inner
}
