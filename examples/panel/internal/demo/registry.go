package demo

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/dnssectest"
	"github.com/mythic-beasts/hostkit/dnssec/filestore"
	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// The zone that customers' domains are delegated from, and the name server that all of
// them have.
const (
	parentZone = "example."
	nameServer = "ns1.hostkit.test."
)

// registry has the customers' domains: their zones, which it signs, and the parent zone
// that has their DS.
type registry struct {
	options Options
	news    *news
	domains []*domain
	byName  map[string]*domain

	parent  *dnssectest.Parent
	server  serve.Server
	addr    netip.AddrPort // of the server
	listen  serve.Listeners
	store   *filestore.Store
	manager *manager.Manager
	moved   chan struct{} // something happened to a zone
}

// newRegistry returns the customers' domains. It opens nothing. The AAAA records are
// those of the Pis that serve them.
func newRegistry(o Options, n *news, slots []*slot) (*registry, error) {
	r := &registry{options: o, news: n, byName: make(map[string]*domain), moved: make(chan struct{}, 1)}
	for i, d := range []*domain{
		{name: "alice-shop.example", owner: "alice", signed: true},
		{name: "bob-blog.example", owner: "bob"},
	} {
		pi := slots[i%len(slots)].plan
		zone, err := dnssec.ParseZone(strings.NewReader(fmt.Sprintf(
			"$TTL %d\n@ SOA %s hostmaster.hostkit.test. 1 7200 3600 1209600 1\n@ NS %s\n"+
				"@ A 127.0.0.1\n@ AAAA %s\nwww A 127.0.0.1\nwww AAAA %s\n@ CAA 0 issue \"ca.test\"\n",
			int(r.ttl().Seconds()), nameServer, nameServer, pi.Public.Addr(), pi.Public.Addr())), d.name+".", dnssec.Options{})
		if err != nil {
			return nil, fmt.Errorf("demo: zone %s: %w", d.name, err)
		}
		d.contents = zone
		r.domains = append(r.domains, d)
		r.byName[d.name] = d
	}
	return r, nil
}

// ttl is that of all records: short enough to watch keys come and go.
func (r *registry) ttl() time.Duration {
	return max(r.options.scaled(3*time.Second), time.Second).Round(time.Second)
}

// span is how far the drawing of the keys reaches to both sides.
func (r *registry) span() time.Duration { return max(r.options.scaled(5*time.Minute), time.Minute) }

// open starts the parent zone, and prepares the server and the manager.
func (r *registry) open(ctx context.Context, b *bench, dir string) error {
	secret := base64.StdEncoding.EncodeToString([]byte("the registrar's key at the parent"))
	var addrs []netip.AddrPort
	err := b.start(func() {
		r.parent = dnssectest.NewParent(b, dnssectest.ParentOptions{
			Zone: parentZone, DSTTL: uint32(r.ttl().Seconds()), KeyName: "registrar.", KeySecret: secret,
		})
		addrs = r.parent.Listen(b)
	})
	if err != nil {
		return err
	}
	for _, d := range r.domains {
		if err := r.parent.Delegate(d.name+".", nameServer); err != nil {
			return fmt.Errorf("demo: delegate %s: %w", d.name, err)
		}
	}
	if err := r.listenDNS(ctx); err != nil {
		return err
	}
	for _, folder := range []string{"keys", "zones", "state"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			return fmt.Errorf("demo: folder of the zones: %w", err)
		}
	}
	if r.store, err = filestore.New(filepath.Join(dir, "state")); err != nil {
		return fmt.Errorf("demo: state of the zones: %w", err)
	}
	b.Cleanup(func() { _ = r.store.Close() })
	r.manager = r.newManager(dir, r.newParent(addrs, secret))
	return nil
}

func (r *registry) listenDNS(ctx context.Context) error {
	for range 20 { // a port that is free by UDP may not be by TCP
		conn, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp4", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("demo: name server: %w", err)
		}
		ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", conn.LocalAddr().String())
		if err != nil {
			_ = conn.Close()
			continue
		}
		r.addr = conn.LocalAddr().(*net.UDPAddr).AddrPort()
		r.listen = serve.Listeners{UDP: []net.PacketConn{conn}, TCP: []net.Listener{ln}}
		return nil
	}
	return errors.New("demo: name server: found no port that is free by UDP and TCP")
}

func (r *registry) close() {
	for _, c := range r.listen.UDP {
		_ = c.Close()
	}
	for _, l := range r.listen.TCP {
		_ = l.Close()
	}
}

// newParent is the registrar's connection to the parent: dynamic updates to its
// primary, and questions to each of its name servers, whose answers are validated.
func (r *registry) newParent(addrs []netip.AddrPort, secret string) manager.Parent {
	var servers []parent.Server
	for i, addr := range addrs {
		servers = append(servers, parent.Server{Name: fmt.Sprintf("ns%d.%s", i+1, parentZone), Addrs: []netip.AddrPort{addr}})
	}
	return &parent.Update{
		Server: addrs[0], Zone: parentZone, TTL: uint32(r.ttl().Seconds()),
		Key: parent.TSIG{Name: "registrar.", Secret: parent.Secret(secret)},
		Observer: &parent.Poller{
			Resolver: parent.Resolver{Anchors: r.parent.Anchor()},
			Servers:  func(context.Context, string) (string, []parent.Server, error) { return parentZone, servers, nil },
			Log:      r.options.Log,
		},
	}
}

func (r *registry) newManager(dir string, p manager.Parent) *manager.Manager {
	return &manager.Manager{
		Keys: dnssec.KeyFiles{Path: filepath.Join(dir, "keys")}, Store: r.store,
		Zones: manager.ZoneFiles{Path: filepath.Join(dir, "zones")}, Publisher: &r.server,
		Parent: func(string) manager.Parent { return p },
		Events: r.event, Log: r.options.Log,
		PollDS: time.Second, CheckDS: time.Minute, Retry: time.Second,
	}
}

// policy makes keys come and go within seconds.
func (r *registry) policy() manager.Policy {
	return manager.Policy{Policy: rotate.Policy{
		DNSKEYTTL: r.ttl(), NegativeTTL: r.ttl(), MaxZoneTTL: r.ttl(), DSTTL: r.ttl(),
		ZonePropagation: -1, ParentPropagation: -1, PublishSafety: -1, RetireSafety: -1, SignInterval: time.Second,
		ZSKLifetime: 2 * r.span(),
	}}
}

// run serves and signs until ctx ends.
func (r *registry) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.server.Serve(ctx, r.listen) })
	g.Go(func() error { return quiet(r.manager.Run(ctx)) })
	g.Go(func() error { r.observe(ctx); return nil })
	g.Go(func() error { return r.begin(ctx) })
	return g.Wait()
}

// begin publishes the zones, and signs those that are to be from the start.
func (r *registry) begin(ctx context.Context) error {
	for _, d := range r.domains {
		if err := r.change(ctx, d, nil); err != nil {
			return quiet(err)
		}
		if d.on() {
			if err := r.manager.Enable(ctx, d.name, r.policy()); err != nil && ctx.Err() == nil {
				return fmt.Errorf("demo: sign %s: %w", d.name, err)
			}
		}
	}
	return nil
}

// change publishes the contents of a zone, after a change of them.
func (r *registry) change(ctx context.Context, d *domain, edit func(*dnssec.Tx) error) error {
	d.editing.Lock()
	defer d.editing.Unlock()
	next := d.contents
	if edit != nil {
		var err error
		if next, err = d.contents.Update(edit); err != nil {
			return fmt.Errorf("demo: change %s: %w", d.name, err)
		}
	}
	d.contents = next
	if err := r.manager.SetZone(ctx, next); err != nil {
		return fmt.Errorf("demo: publish %s: %w", d.name, err)
	}
	return nil
}

// event is told what happened to a zone.
func (r *registry) event(e manager.Event) {
	level := slog.LevelInfo
	if e.Err != nil {
		level = slog.LevelWarn
	}
	r.options.Log.Log(context.Background(), level, "zone: "+string(e.Kind), "zone", e.Zone, "text", e.Text, "err", e.Err)
	select {
	case r.moved <- struct{}{}:
	default:
	}
}

// observe remembers what happens to keys, for the drawings, until ctx ends.
func (r *registry) observe(ctx context.Context) {
	tick := time.NewTicker(max(r.options.scaled(time.Second), 250*time.Millisecond))
	defer tick.Stop()
	for {
		for _, d := range r.domains {
			r.remember(ctx, d)
		}
		select {
		case <-ctx.Done():
			return
		case <-r.moved:
		case <-tick.C:
		}
	}
}

func (r *registry) remember(ctx context.Context, d *domain) {
	state, _, err := r.manager.State(ctx, d.name)
	if err != nil {
		return
	}
	now := time.Now()
	d.mu.Lock()
	changed := d.past.Observe(state.Keys, now)
	d.past.Trim(now.Add(-r.span()))
	d.mu.Unlock()
	if changed {
		r.news.tell(model.DomainKind, d.name)
	}
}

// setSigned presses the button.
func (r *registry) setSigned(ctx context.Context, d *domain, on bool) error {
	if on == d.on() {
		return nil
	}
	var err error
	if on {
		err = r.manager.Enable(ctx, d.name, r.policy())
	} else {
		err = r.manager.Disable(ctx, d.name)
	}
	if err != nil {
		return fmt.Errorf("demo: DNSSEC of %s: %w", d.name, err)
	}
	d.mu.Lock()
	d.signed = on
	d.mu.Unlock()
	r.news.tell(model.DomainKind, d.name)
	return nil
}

// roll replaces both keys of a zone.
func (r *registry) roll(ctx context.Context, d *domain) error {
	if !d.on() {
		return fmt.Errorf("demo: roll the keys of %s: it is not signed: switch DNSSEC on first: %w", d.name, model.ErrRefused)
	}
	for _, role := range []rotate.Role{rotate.KSK, rotate.ZSK} {
		if err := r.manager.Roll(ctx, d.name, rotate.Roll{Role: role}); err != nil {
			if errors.Is(err, rotate.ErrNothing) {
				return fmt.Errorf("demo: roll the keys of %s: it has none yet: wait until it is signed: %w", d.name, model.ErrRefused)
			}
			return fmt.Errorf("demo: roll the %s of %s: %w", role, d.name, err)
		}
	}
	r.news.tell(model.DomainKind, d.name)
	return nil
}
