package realtest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
	"github.com/mythic-beasts/hostkit/netboot/dhcp6"
	"github.com/mythic-beasts/hostkit/netboot/httpboot"
	"github.com/mythic-beasts/hostkit/netboot/ra"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

// serverConf is what a server process serves. It is a process of its own
// because sockets are opened on any thread, and only a process is in a
// namespace as a whole.
type serverConf struct {
	Interface string
	Dir       string // of the files that every machine has
	Machines  []machineConf
	Guests    netboot.Pool // for clients that are none of Machines; zero: none
	Relays    []netip.Prefix
	ProxyOnly bool
	HTTP      bool // serve HTTP on httpPort, and boot from there by IPv4
	HTTP6     bool // the same by IPv6, and an IPv4 address where nobody listens
	NoRA      bool // do not answer router solicitations
	IPv6      bool // DHCPv6, and say so in router advertisements
}

const httpPort = "8080"

type machineConf struct {
	Name        string
	MAC         string // or:
	Interface   string
	Addr, Addr6 netip.Prefix
}

// record is one line that a server process writes for each event, for each
// file request (kind "request") and once it listens (kind "ready").
type record struct {
	Kind     string    `json:"kind"`
	At       time.Time `json:"at"`
	Machine  string    `json:"machine,omitempty"`
	Firmware string    `json:"firmware,omitempty"`
	Addr     string    `json:"addr,omitempty"`
	File     string    `json:"file,omitempty"`
	Bytes    int64     `json:"bytes,omitempty"`
	Block    int       `json:"block,omitempty"`
	Window   int       `json:"window,omitempty"`
	Err      string    `json:"err,omitempty"`
}

// recorder writes records, and is the servers' observer.
type recorder struct {
	mu  sync.Mutex // guards out
	out *json.Encoder
}

func (r *recorder) write(rec record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec.At = time.Now()
	if err := r.out.Encode(rec); err != nil {
		os.Exit(2) // the test is gone
	}
}

func (r *recorder) Observe(e netboot.Event) {
	if e.Kind == netboot.FileProgress {
		return
	}
	rec := record{
		Kind: e.Kind.String(), Machine: e.Machine, File: e.File, Bytes: e.Bytes,
		Firmware: e.Client.Firmware.String(), Addr: e.Addr.String(),
	}
	if e.Err != nil {
		rec.Err = e.Err.Error()
	}
	r.write(rec)
}

// both has a DHCP handler see what a file server tells the recorder.
type both struct {
	*recorder
	h *dhcp.Handler
}

func (b both) Observe(e netboot.Event) {
	b.h.Observe(e)
	b.recorder.Observe(e)
}

// withGuests takes whom the inventory does not know for one machine with a pool.
type withGuests struct {
	netboot.Inventory
	guest *netboot.Machine
}

func (w withGuests) Lookup(ctx context.Context, c netboot.Client) (*netboot.Machine, error) {
	m, err := w.Inventory.Lookup(ctx, c)
	if errors.Is(err, netboot.ErrUnknown) && w.guest != nil && len(c.MAC) > 0 {
		return w.guest, nil
	}
	return m, err
}

func (conf *serverConf) inventory() (netboot.Inventory, error) {
	files, err := netboot.DirFS(conf.Dir)
	if err != nil {
		return nil, err
	}
	var rs []netboot.Reservation
	for _, m := range conf.Machines {
		r := netboot.Reservation{
			Interface: m.Interface,
			Machine:   netboot.Machine{Name: m.Name, Addr: m.Addr, Addr6: m.Addr6, Files: files},
		}
		if m.Interface == "" {
			if r.MAC, err = net.ParseMAC(m.MAC); err != nil {
				return nil, err
			}
		}
		if conf.HTTP {
			base := "http://" + labServer + ":" + httpPort + "/"
			r.Machine.Boot.HTTP = base
			r.Machine.Boot.Loaders = map[netboot.Loader]string{{Firmware: netboot.FirmwareIPXE}: base + "boot.ipxe"}
		}
		if conf.HTTP6 {
			r.Machine.Boot.HTTP = "http://" + labServer + ":1/"
			r.Machine.Boot.HTTP6 = "http://[" + labServer6 + "]:" + httpPort + "/"
		}
		rs = append(rs, r)
	}
	static, err := netboot.NewStatic(rs...)
	if err != nil || !conf.Guests.IsValid() {
		return static, err
	}
	guest := &netboot.Machine{Name: "guest", Pool: conf.Guests, Files: files}
	return withGuests{static, guest}, nil
}

// serve runs the servers until the test ends them.
func serve(conf serverConf) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	rec := &recorder{out: json.NewEncoder(os.Stdout)}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	inv, err := conf.inventory()
	if err != nil {
		return err
	}
	h := &dhcp.Handler{Inventory: inv, Observer: rec, Log: log, Relays: conf.Relays, ProxyOnly: conf.ProxyOnly}
	match := func(name string) bool { return name == conf.Interface }
	transport, err := dhcp.ListenLinux(dhcp.LinuxConfig{Match: match, PXE: conf.ProxyOnly, Log: log})
	if err != nil {
		return err
	}
	defer transport.Close()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return dhcp.Serve(ctx, transport, h) })
	if err := conf.serveIPv6(ctx, g, rec, h.Inventory); err != nil {
		return err
	}
	obs := both{rec, h}
	if err := serveTFTP(ctx, g, h.FileInventory(), obs, log); err != nil {
		return err
	}
	if conf.HTTP || conf.HTTP6 {
		l, err := net.Listen("tcp", ":"+httpPort)
		if err != nil {
			return err
		}
		files := &httpboot.Handler{Inventory: h.FileInventory(), Observer: obs, Log: log}
		g.Go(func() error { return files.Serve(ctx, l) })
	}
	rec.write(record{Kind: "ready"})
	if err := g.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// serveIPv6 answers router solicitations, and DHCPv6 where that is wanted.
func (conf *serverConf) serveIPv6(ctx context.Context, g *errgroup.Group, rec *recorder, inv netboot.Inventory) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if !conf.NoRA {
		advertise := ra.Config{Managed: conf.IPv6, Other: conf.IPv6}
		if conf.IPv6 {
			advertise.Prefixes = []netip.Prefix{netip.MustParsePrefix(labNet6)}
		}
		s := &ra.Server{Interface: func(name string) (ra.Config, bool) { return advertise, name == conf.Interface }, Log: log}
		g.Go(func() error { return s.Serve(ctx) })
	}
	if !conf.IPv6 {
		return nil
	}
	transport, err := dhcp6.ListenLinux(dhcp6.LinuxConfig{Match: func(name string) bool { return name == conf.Interface }, Log: log})
	if err != nil {
		return err
	}
	h := &dhcp6.Handler{Inventory: inv, Observer: rec, Log: log}
	g.Go(func() error {
		defer transport.Close()
		return dhcp6.Serve(ctx, transport, h)
	})
	return nil
}

func serveTFTP(ctx context.Context, g *errgroup.Group, inv netboot.Inventory, obs both, log *slog.Logger) error {
	conn, err := net.ListenPacket("udp", ":69")
	if err != nil {
		return err
	}
	s := &tftp.Server{Handler: obs.requests(tftp.FSHandler(inv)), Observer: obs, Log: log}
	g.Go(func() error { return s.Serve(ctx, conn) })
	return nil
}

// requests records what was negotiated for each file.
func (r *recorder) requests(h tftp.Handler) tftp.Handler {
	return tftp.HandlerFunc(func(ctx context.Context, q *tftp.Request) (tftp.File, error) {
		f, err := h.OpenTFTP(ctx, q)
		r.write(record{Kind: "request", Machine: q.Machine, File: q.Name, Block: q.BlockSize, Window: q.WindowSize})
		return f, err
	})
}
