package ra

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mdlayher/ndp"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv6"
	"golang.org/x/time/rate"
)

// How often an interface is answered: a client that boots asks six times in
// eight seconds. Everybody hears the answer to a client that has no address
// yet, so that is given more rarely (RFC 4861 section 6.2.6).
const (
	perSecond      = 10
	burst          = 20
	multicastEvery = 3 * time.Second
	multicastBurst = 2
)

var (
	allNodes   = netip.MustParseAddr("ff02::1")
	allRouters = netip.MustParseAddr("ff02::2")
)

// Server answers router solicitations. Its zero value does so on every
// Ethernet interface, with the zero [Config]. It needs the privilege to open a
// raw socket. Do not change it once it serves.
type Server struct {
	// Interface says what to advertise on the interface called name, and false
	// to keep silent there. It is asked for each interface that appears. Nil
	// means the zero Config on every Ethernet interface.
	Interface func(name string) (Config, bool)
	// Log has a Debug line per answer, and says which interfaces come and go.
	// Nil discards.
	Log *slog.Logger
}

// Serve answers until ctx ends, which is no error. It returns when everything
// it started has ended. It serves the interfaces of the network namespace that
// it is called in.
func (s *Server) Serve(ctx context.Context) error {
	conn, err := listen()
	if err != nil {
		return fmt.Errorf("ra: listen: %w", err)
	}
	v := &service{Server: *s, conn: conn, links: make(map[int]*link)}
	v.Log = cmp.Or(s.Log, slog.New(slog.DiscardHandler))
	changes, stop, err := watch()
	if err != nil {
		return errors.Join(fmt.Errorf("ra: watch interfaces: %w", err), conn.Close())
	}
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- v.read() }()
	for {
		v.scan()
		select {
		case <-changes:
		case <-ctx.Done():
			err := conn.Close()
			if rerr := <-ended; !errors.Is(rerr, net.ErrClosed) {
				err = errors.Join(err, rerr)
			}
			return err
		case err := <-ended:
			return errors.Join(fmt.Errorf("ra: receive: %w", err), conn.Close())
		}
	}
}

// listen opens a socket for solicitations from every interface.
func listen() (*ipv6.PacketConn, error) {
	c, err := icmp.ListenPacket("ip6:ipv6-icmp", "::")
	if err != nil {
		return nil, err
	}
	conn := c.IPv6PacketConn()
	var only ipv6.ICMPFilter
	only.SetAll(true)
	only.Accept(ipv6.ICMPTypeRouterSolicitation)
	err = errors.Join(
		conn.SetICMPFilter(&only),
		conn.SetControlMessage(ipv6.FlagHopLimit|ipv6.FlagInterface, true),
		conn.SetHopLimit(ndp.HopLimit),
		conn.SetMulticastHopLimit(ndp.HopLimit),
		conn.SetMulticastLoopback(false),
	)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return conn, nil
}

// service is one Serve.
type service struct {
	Server
	conn *ipv6.PacketConn

	mu    sync.Mutex // guards links
	links map[int]*link
}

// link is an interface that is served.
type link struct {
	name      string
	mac       net.HardwareAddr
	cfg       Config
	answers   *rate.Limiter
	multicast *rate.Limiter
}

// scan joins the interfaces that have come, and forgets those that have gone.
func (v *service) scan() {
	nics, err := net.Interfaces()
	if err != nil {
		v.Log.Error("ra cannot list interfaces", "err", err)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	present := make(map[int]bool)
	for _, nic := range nics {
		if nic.Flags&net.FlagUp == 0 || nic.Flags&net.FlagMulticast == 0 || nic.Flags&net.FlagLoopback != 0 {
			continue
		}
		present[nic.Index] = true
		if l := v.links[nic.Index]; l != nil && l.name == nic.Name {
			l.mac = nic.HardwareAddr
			continue
		}
		v.add(nic)
	}
	for index, l := range v.links {
		if !present[index] {
			delete(v.links, index)
			v.Log.Info("ra interface gone", "interface", l.name)
		}
	}
}

// add joins nic when it is to be served. The caller holds mu.
func (v *service) add(nic net.Interface) {
	cfg, serve := Config{}, len(nic.HardwareAddr) == 6
	if v.Interface != nil {
		cfg, serve = v.Interface(nic.Name)
	}
	if !serve {
		delete(v.links, nic.Index) // it has a new name
		return
	}
	if err := cfg.Validate(); err != nil {
		v.Log.Error("ra interface is not served", "interface", nic.Name, "err", err)
		return
	}
	if v.links[nic.Index] == nil {
		// It may be joined already: then it was down, or has been forgotten.
		_ = v.conn.LeaveGroup(&nic, &net.IPAddr{IP: allRouters.AsSlice()})
		if err := v.conn.JoinGroup(&nic, &net.IPAddr{IP: allRouters.AsSlice()}); err != nil {
			v.Log.Warn("ra cannot serve an interface yet", "interface", nic.Name, "err", err)
			return
		}
	}
	v.links[nic.Index] = &link{
		name: nic.Name, mac: nic.HardwareAddr, cfg: cfg,
		answers:   rate.NewLimiter(perSecond, burst),
		multicast: rate.NewLimiter(rate.Every(multicastEvery), multicastBurst),
	}
	v.Log.Info("ra serves interface", "interface", nic.Name)
}

// read answers until the socket is closed.
func (v *service) read() error {
	buf := make([]byte, 1500)
	for {
		n, cm, from, err := v.conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil || cm == nil {
			continue // of one packet, such as an ICMP error that an answer met
		}
		v.mu.Lock()
		l := v.links[cm.IfIndex]
		v.mu.Unlock()
		if l == nil {
			continue
		}
		addr, _ := netip.AddrFromSlice(from.(*net.IPAddr).IP) // the kernel gives 16 bytes
		v.answer(l, cm.IfIndex, Solicitation{Message: buf[:n], From: addr, HopLimit: cm.HopLimit})
	}
}

func (v *service) answer(l *link, index int, s Solicitation) {
	if !l.answers.Allow() {
		return
	}
	v.mu.Lock()
	mac := l.mac
	v.mu.Unlock()
	a, err := Answer(s, mac, l.cfg)
	if err != nil {
		v.Log.Debug("ra ignores a packet", "interface", l.name, "from", s.From, "err", err)
		return
	}
	to := s.From
	if to.IsUnspecified() {
		if !l.multicast.Allow() {
			return // it asks again in a few seconds
		}
		to = allNodes
	}
	b, err := ndp.MarshalMessage(a)
	if err == nil {
		// By the interface's index: package net remembers for a minute which
		// index a zone's name has, and interfaces come and go.
		_, err = v.conn.WriteTo(b, &ipv6.ControlMessage{HopLimit: ndp.HopLimit, IfIndex: index}, &net.IPAddr{IP: to.AsSlice()})
	}
	if err != nil {
		v.Log.Warn("ra answer not sent", "interface", l.name, "to", to, "err", err)
		return
	}
	v.Log.Debug("ra answered", "interface", l.name, "to", to)
}
