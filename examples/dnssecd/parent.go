package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/parent/epp"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

// parentConfig is [parent.NAME]: how the DS records of zones get to their parent.
type parentConfig struct {
	Kind    string           `toml:"kind"`
	Servers []netip.AddrPort `toml:"servers"`
	Port    uint16           `toml:"port"`
	Notify  bool             `toml:"notify"`

	Update netip.AddrPort  `toml:"update"` // kind "update"
	Zone   string          `toml:"zone"`
	Key    string          `toml:"key"`
	TTL    daemon.Duration `toml:"ttl"`

	Command []string        `toml:"command"` // kind "manual"
	Remind  daemon.Duration `toml:"remind"`

	EPP      string        `toml:"epp"` // kind "epp"
	User     string        `toml:"user"`
	Password daemon.Secret `toml:"password"`
	CA       string        `toml:"ca"`
	Urgent   bool          `toml:"urgent"`
}

const (
	kindCDS    = "cds"
	kindManual = "manual"
	kindUpdate = "update"
	kindEPP    = "epp"
)

func (p parentConfig) check(key string, s *Settings) error {
	var errs []error
	add := func(name string, err error) { errs = append(errs, daemon.Field(key+"."+name, err)) }
	need := func(name string, there bool) {
		if !there {
			add(name, fmt.Errorf("is missing, and kind %q needs it", p.Kind))
		}
	}
	switch p.Kind {
	case kindCDS:
	case kindManual:
		need("command", len(p.Command) > 0)
	case kindUpdate:
		need("update", p.Update.IsValid())
		need("key", p.Key != "")
		if p.TTL < 0 || p.TTL > daemon.Duration(math.MaxInt32*time.Second) {
			add("ttl", fmt.Errorf("%v is not a TTL", p.TTL))
		}
		if p.Key != "" && !s.hasKey(p.Key) {
			add("key", fmt.Errorf("there is no key %q in tsig", p.Key))
		}
	case kindEPP:
		need("user", p.User != "")
		need("password", !p.Password.Empty())
		_, _, err := net.SplitHostPort(p.EPP)
		add("epp", err)
	default:
		add("kind", fmt.Errorf("%q is not cds, manual, update or epp", p.Kind))
	}
	return errors.Join(errs...)
}

// driver is how zones reach this parent.
func (p parentConfig) driver(s *Settings, memory parent.Memory, log *slog.Logger) (*parent.Driver, error) {
	resolver, err := s.resolver()
	if err != nil {
		return nil, err
	}
	poller := &parent.Poller{Resolver: resolver, Port: p.Port, Log: log}
	if len(p.Servers) > 0 {
		servers := []parent.Server{}
		for _, addr := range p.Servers {
			servers = append(servers, parent.Server{Name: addr.String(), Addrs: []netip.AddrPort{addr}})
		}
		poller.Servers = func(_ context.Context, zone string) (string, []parent.Server, error) {
			return cmp.Or(p.Zone, above(zone)), servers, nil
		}
	}
	d := &parent.Driver{Observer: poller}
	if p.Notify {
		d.Submitters = append(d.Submitters, &parent.Notify{Resolver: resolver})
	}
	switch p.Kind {
	case kindManual:
		d.Submitters = append(d.Submitters, &parent.Manual{Tell: p.tell, Memory: memory, Remind: time.Duration(p.Remind)})
	case kindUpdate:
		d.Submitters = append(d.Submitters, &parent.Update{Server: p.Update, Zone: p.Zone, Key: s.parentKey(p.Key), TTL: uint32(time.Duration(p.TTL) / time.Second)})
	case kindEPP:
		config, err := trusting(p.CA)
		if err != nil {
			return nil, err
		}
		d.Submitters = append(d.Submitters, &epp.Client{
			Addr: p.EPP, TLS: config, User: p.User, Password: parent.Secret(p.Password.Reveal()), Urgent: p.Urgent, Log: log,
		})
	}
	return d, nil
}

// above is the name of the zone above, if it ends at the next dot.
func above(zone string) string {
	_, parent, _ := strings.Cut(zone, ".")
	return cmp.Or(parent, ".")
}

// tell runs the command, with what is to be done as its input.
func (p parentConfig) tell(ctx context.Context, c parent.Change) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.Command[0], p.Command[1:]...)
	cmd.Stdin = strings.NewReader(c.String())
	cmd.Env = append(os.Environ(), "ZONE="+c.Zone, fmt.Sprintf("REMINDER=%d", c.Reminder))
	cmd.WaitDelay = 5 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %q", p.Command[0], err, last(out, 200))
	}
	return nil
}

func last(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// anchors are the trust anchors of the resolver.
func (s *Settings) anchors() (map[string][]rotate.DS, error) {
	if len(s.Resolve.Anchors) == 0 {
		return nil, nil
	}
	out := map[string][]rotate.DS{}
	for _, line := range s.Resolve.Anchors {
		rr, err := dns.NewRR(line)
		if err != nil {
			return nil, err
		}
		ds, ok := rr.(*dns.DS)
		if !ok {
			return nil, fmt.Errorf("%q is no DS record", line)
		}
		name, err := canonical(ds.Hdr.Name)
		if err != nil {
			return nil, err
		}
		out[name] = append(out[name], parent.FromRR(ds))
	}
	return out, nil
}

func (s *Settings) resolver() (parent.Resolver, error) {
	anchors, err := s.anchors()
	return parent.Resolver{Servers: s.Resolve.Servers, Anchors: anchors}, err
}
