package demo

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
	"github.com/mythic-beasts/hostkit/vlan"
)

const publicVLAN = 50

// owners of Pis, in turns.
var owners = [...]string{"alice", "bob"}

// shelf is a shelf of emulated Pis and the servers that they boot from. Each Pi is
// alone on its own link, as on a private VLAN: it has a DHCP and a TFTP socket of its
// own on loopback, and is known by the link it is on.
type shelf struct {
	options Options
	news    *news
	plan    *vlan.Plan
	slots   []*slot
	byName  map[string]*slot
	known   *netboot.Static
	dhcp    *dhcp.Handler
	tracker netboot.Tracker
}

// newShelf returns a shelf without power. It opens no socket.
func newShelf(o Options, n *news) (*shelf, error) {
	plan, err := newPlan(o.Pis)
	if err != nil {
		return nil, err
	}
	s := &shelf{options: o, news: n, plan: plan, byName: make(map[string]*slot)}
	s.tracker.Patience = bootPatience(o)
	s.tracker.Next = netboot.ObserverFunc(s.observe)
	files := newTrees(kernelSize(o.Speed))
	var reservations []netboot.Reservation
	for i, pi := range plan.Pis {
		m := newMachine(i, pi, o)
		tree := files[m.emul.Model]
		p := &slot{
			plan: pi, number: i + 1, owner: owners[i%len(owners)], machine: m, total: treeSize(tree),
			power: model.PowerOff, root: 1, made: time.Now(),
		}
		m.root = p.generation
		p.console = newConsole(p, n)
		s.slots = append(s.slots, p)
		s.byName[pi.Name] = p
		reservations = append(reservations, netboot.Reservation{
			Interface: pi.ServerIface(),
			Machine: netboot.Machine{
				Name: pi.Name, Addr: netip.PrefixFrom(pi.Addr, pi.Net.Bits()), Server: pi.Server,
				Files: netboot.Overlay(rootFS{p}, tree),
			},
		})
	}
	if s.known, err = netboot.NewStatic(reservations...); err != nil {
		return nil, fmt.Errorf("demo: inventory of the shelf: %w", err)
	}
	s.dhcp = &dhcp.Handler{Inventory: s.known, Observer: &s.tracker, Log: o.Log}
	return s, nil
}

// bootPatience is how long a boot may stand still.
func bootPatience(o Options) netboot.Patience {
	p := o.Patience
	return netboot.Patience{Offer: p, Step: p, GiveUp: p, Power: p, Kernel: 2 * p}
}

// rootFS is the one generated file of a Pi: the command line that names the generation
// of its root.
type rootFS struct{ slot *slot }

// Open implements fs.FS.
func (r rootFS) Open(name string) (fs.File, error) {
	return netboot.TextFS(map[string]string{"cmdline.txt": fmt.Sprintf(
		"console=serial0,115200 root=/dev/nfs nfsroot=%s:/export/%s/gen-%d ip=dhcp rootwait ro\n",
		r.slot.plan.Server, r.slot.plan.Name, r.slot.generation())}).Open(name)
}

// observe is told of every event after the tracker has taken it in.
func (s *shelf) observe(e netboot.Event) {
	p := s.byName[e.Machine]
	if p == nil {
		return
	}
	if status, ok := s.tracker.Status(e.Machine); ok {
		p.follow(status)
	}
	switch {
	case e.Kind == netboot.OSLease:
		s.options.Log.Info("a Pi is up", "machine", e.Machine, "address", e.Addr)
	case (e.Kind == netboot.Stalled || e.Kind == netboot.GaveUp) && p.ailment() != "":
		s.options.Log.Warn("a boot "+e.Kind.String(), "machine", e.Machine, "diagnosis", e.Diagnosis.String())
	}
	s.news.tell(model.PiKind, e.Machine)
}

// link is the sockets that one Pi boots from.
type link struct {
	slot   *slot
	leases *dhcp.UDP
	files  *net.UDPConn
}

// open opens the sockets of all Pis. What is open when it fails stays for close.
func (s *shelf) open() (links []link, err error) {
	loopback := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
	for _, p := range s.slots {
		l := link{slot: p}
		if l.leases, err = dhcp.ListenUDP(p.plan.ServerIface(), loopback); err != nil {
			return links, fmt.Errorf("demo: DHCP for %s: %w", p.plan.Name, err)
		}
		if l.files, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback)); err != nil {
			_ = l.leases.Close()
			return links, fmt.Errorf("demo: TFTP for %s: %w", p.plan.Name, err)
		}
		p.machine.dhcp, p.machine.tftp = l.leases.Addr(), l.files.LocalAddr().(*net.UDPAddr).AddrPort()
		links = append(links, l)
	}
	return links, nil
}

func closeLinks(links []link) {
	for _, l := range links {
		_ = l.leases.Close()
		_ = l.files.Close()
	}
}

// serve runs the Pi of a link, and its servers, until ctx ends.
func (s *shelf) serve(ctx context.Context, l link) error {
	name, iface := l.slot.plan.Name, l.slot.plan.ServerIface()
	server := &tftp.Server{
		Handler: tftp.FSHandler(onLink{s.known, iface}),
		Observer: netboot.ObserverFunc(func(e netboot.Event) {
			s.dhcp.FileRequested(iface, l.slot.plan.Addr) // on loopback it has another address
			s.tracker.Observe(e)
		}),
		Log: s.options.Log,
		// A Pi asks for ten files in a few milliseconds. Those that a busy computer
		// has answered and not put away yet count as well.
		MaxPerClient: 32,
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return dhcp.Serve(ctx, l.leases, s.dhcp) })
	g.Go(func() error { return server.Serve(ctx, l.files) })
	g.Go(func() error {
		l.slot.machine.attend(ctx, func() { s.lit(name) }, func() { s.darkened(name) })
		return nil
	})
	return g.Wait()
}

// lit is told that a Pi has power.
func (s *shelf) lit(name string) {
	s.byName[name].set(func(p *slot) { p.faint = 0 })
	s.tracker.Observe(netboot.Event{At: time.Now(), Kind: netboot.PoweredOn, Machine: name})
}

// darkened is told that a Pi lost its power.
func (s *shelf) darkened(name string) {
	s.byName[name].set(func(p *slot) { p.history.end(time.Now()) })
	s.news.tell(model.PiKind, name)
}
