package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

// shelfConfig says what the demo's shelf is like.
type shelfConfig struct {
	pis   int
	speed float64 // 1 is slow enough to watch
	log   *slog.Logger
}

const maxPis = 96 // what a real shelf holds

func (c shelfConfig) validate() error {
	switch {
	case c.pis < 1 || c.pis > maxPis:
		return fmt.Errorf("-pis %d is not between 1 and %d", c.pis, maxPis)
	case !(c.speed >= 0.1 && c.speed <= 1000): // not a number either
		return fmt.Errorf("-speed %g is not between 0.1 and 1000", c.speed)
	}
	return nil
}

// shelf is a shelf of simulated Pis and the servers that they boot from. Each
// Pi is alone on its own link, as on a private VLAN: it has a DHCP and a TFTP
// socket of its own on loopback, and is known by the link it is on.
type shelf struct {
	config shelfConfig
	board  *board
	slots  []*slot
	known  *netboot.Static
	dhcp   *dhcp.Handler
}

var _ power = (*shelf)(nil)

// newShelf returns a shelf without power. It opens no socket.
func newShelf(c shelfConfig) (*shelf, error) {
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	s := &shelf{config: c, board: newBoard(time.Now())}
	var reservations []netboot.Reservation
	trees := newTrees()
	for i := range c.pis {
		p := newSlot(i, trees)
		s.slots = append(s.slots, p)
		s.board.add(p.name, p.label, p.total)
		reservations = append(reservations, netboot.Reservation{
			Interface: p.link,
			Machine:   netboot.Machine{Name: p.name, Addr: p.addr, Files: p.files},
		})
	}
	var err error
	if s.known, err = netboot.NewStatic(reservations...); err != nil {
		return nil, err
	}
	s.dhcp = &dhcp.Handler{Inventory: s.known, Observer: s.board.tracker, Log: c.log}
	return s, nil
}

// run serves, gives all Pis power, and returns when ctx has ended and so has
// everything it started.
func (s *shelf) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return quiet(s.board.tracker.Run(ctx)) })
	for _, p := range s.slots {
		g.Go(func() error { return s.serve(ctx, p) })
	}
	s.cycleAll()
	return g.Wait()
}

// quiet drops the error that only says that we were told to end.
func quiet(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// serve runs one Pi's servers and the Pi.
func (s *shelf) serve(ctx context.Context, p *slot) error {
	loopback := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
	leases, err := dhcp.ListenUDP(p.link, loopback)
	if err != nil {
		return err
	}
	defer leases.Close()
	files, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback))
	if err != nil {
		return err
	}
	server := &tftp.Server{
		Handler: tftp.FSHandler(onLink{s.known, p.link}),
		Observer: netboot.ObserverFunc(func(e netboot.Event) {
			s.dhcp.FileRequested(p.link, p.addr.Addr()) // on loopback it has another address
			s.board.tracker.Observe(e)
		}),
		Log: s.config.log,
		// A Pi asks for ten files in a few milliseconds. Those that a busy
		// computer has answered and not put away yet count as well.
		MaxPerClient: 32,
	}
	p.dhcpAddr, p.tftpAddr = leases.Addr(), files.LocalAddr().(*net.UDPAddr).AddrPort()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return dhcp.Serve(ctx, leases, s.dhcp) })
	g.Go(func() error { return server.Serve(ctx, files) })
	g.Go(func() error { s.attend(ctx, p); return nil })
	return g.Wait()
}

// onLink is an inventory for file requests from one Pi's link, which would all
// seem to come from the loopback interface.
type onLink struct {
	netboot.Inventory
	link string
}

// Lookup finds the machine that is on the link.
func (l onLink) Lookup(ctx context.Context, c netboot.Client) (*netboot.Machine, error) {
	c.Interface = l.link
	return l.Inventory.Lookup(ctx, c)
}

// attend switches a Pi as it is asked to, until ctx ends.
func (s *shelf) attend(ctx context.Context, p *slot) {
	unplug := func() {}
	defer func() { unplug() }()
	for {
		var delay time.Duration
		select {
		case <-ctx.Done():
			return
		case delay = <-p.switched:
		}
		unplug()
		s.board.switchedOff(p.name)
		if !wait(ctx, s.offTime()+delay) {
			return
		}
		s.board.tracker.Observe(netboot.Event{At: time.Now(), Kind: netboot.PoweredOn, Machine: p.name})
		unplug = p.plug(ctx, s.config)
	}
}

// offTime is how long a power cycle takes the power away. It is long enough
// for the file server to notice that the Pi has gone.
func (s *shelf) offTime() time.Duration {
	return max(s.scaled(time.Second), 300*time.Millisecond)
}

func (s *shelf) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / s.config.speed)
}

// wait reports whether d went by before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// cycle is part of power.
func (s *shelf) cycle(name string) bool {
	for _, p := range s.slots {
		if p.name == name {
			p.cycle(0)
			return true
		}
	}
	return false
}

// cycleAll is part of power. The Pis come back one after the other, because a
// whole shelf that draws its inrush current at once trips the breaker.
func (s *shelf) cycleAll() {
	step := s.scaled(4*time.Second) / time.Duration(len(s.slots))
	for i, p := range s.slots {
		p.cycle(time.Duration(i) * step)
	}
}
