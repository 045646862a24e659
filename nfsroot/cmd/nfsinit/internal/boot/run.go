package boot

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
)

// Machine brings a machine from its first network interface to a mounted root.
type Machine struct {
	Params Params
	System System
	// Log takes one line for whoever sits at the console.
	Log func(line string)
	// Alive is called before each step with the longest that it may take, for a
	// watchdog. Nil means nobody watches.
	Alive func(atMost time.Duration)
	// Uptime is how long ago the kernel started. Nil means zero.
	Uptime func() time.Duration
}

// ErrLimit is of a machine that had no root within [Params.Limit].
var ErrLimit = errors.New("no root within the time that nfsinit.limit gives")

const (
	pollLinks   = 50 * time.Millisecond
	carrierWait = 10 * time.Second // a PHY needs up to five to negotiate
	reportEvery = 10 * time.Second
	dialWait    = 3 * time.Second
	mountWait   = 3 * time.Minute // the kernel's own limits for MOUNT and version 4
	freshLease  = time.Minute
)

// Run returns when the root is mounted, with the lease by which it was, or with
// an error when it cannot be: the parameters are wrong, the time is up, or ctx
// ended. All else it tries again, for ever.
func (m *Machine) Run(ctx context.Context) (Lease, error) {
	if m.Params.Limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, m.Params.Limit, ErrLimit)
		defer cancel()
	}
	lease, err := m.run(ctx)
	if err != nil && ctx.Err() != nil {
		return Lease{}, context.Cause(ctx)
	}
	return lease, err
}

func (m *Machine) run(ctx context.Context) (Lease, error) {
	pause := backoff{first: time.Second, most: 30 * time.Second}
	for attempt := 0; ; attempt++ {
		links, err := m.links(ctx)
		if err != nil {
			return Lease{}, err
		}
		lease, err := m.address(ctx, links[attempt%len(links)])
		if err == nil {
			err = m.mountUntil(ctx, lease)
			if err == nil {
				return lease, m.keep(lease)
			}
		}
		if ctx.Err() != nil {
			return Lease{}, ctx.Err()
		}
		if err := m.retry(ctx, err, pause.delay()); err != nil {
			return Lease{}, err
		}
	}
}

// retry says why something failed and waits.
func (m *Machine) retry(ctx context.Context, err error, d time.Duration) error {
	m.logf("%v; again in %.0f s", err, d.Seconds())
	m.alive(d + time.Second)
	return wait(ctx, d)
}

// links waits for the interface to boot from, or for any, and returns those that
// come into question, which are up; with a carrier if one of them has.
func (m *Machine) links(ctx context.Context) ([]Link, error) {
	var carrierBy, reportAt time.Time
	for {
		m.alive(pollLinks + time.Second)
		all, err := m.System.Links()
		if err != nil {
			return nil, err
		}
		candidates := m.candidates(all)
		ready, err := m.up(candidates)
		if err != nil {
			return nil, err
		}
		now := time.Now()
		switch {
		case len(ready) > 0:
			return ready, nil
		case len(candidates) == 0:
			carrierBy = time.Time{}
			if now.After(reportAt) && !reportAt.IsZero() {
				m.logf("no network interface %s yet; there is %s", m.wanted(), names(all))
				reportAt = now.Add(reportEvery)
			}
		case carrierBy.IsZero():
			carrierBy = now.Add(carrierWait)
		case now.After(carrierBy):
			m.logf("%s has no carrier: is the cable in, and the switch port on? trying it all the same", names(candidates))
			return candidates, nil
		}
		if reportAt.IsZero() {
			reportAt = now.Add(reportEvery)
		}
		if err := wait(ctx, pollLinks); err != nil {
			return nil, err
		}
	}
}

// up sets the candidates up and returns those that have a carrier.
func (m *Machine) up(candidates []Link) ([]Link, error) {
	var ready []Link
	for _, l := range candidates {
		if l.Carrier {
			ready = append(ready, l)
			continue
		}
		if err := m.System.Up(l); err != nil {
			return nil, fmt.Errorf("set %s up: %w", l.Name, err)
		}
	}
	return ready, nil
}

// candidates are the interfaces that the parameters allow.
func (m *Machine) candidates(all []Link) []Link {
	var found []Link
	for _, l := range all {
		if m.Params.allows(l) {
			found = append(found, l)
		}
	}
	return found
}

func (m *Machine) wanted() string {
	switch {
	case m.Params.MAC != nil:
		return m.Params.MAC.String() + " (BOOTIF=)"
	case m.Params.ip().Device != "":
		return m.Params.ip().Device
	}
	return "of Ethernet"
}

// allows reports whether the machine may boot from the interface. BOOTIF= counts
// more than the name in ip=, which depends on the order in which drivers load.
func (p Params) allows(l Link) bool {
	if p.MAC != nil {
		return l.MAC.String() == p.MAC.String()
	}
	return p.ip().Device == "" || p.ip().Device == l.Name
}

// address gives the interface its address.
func (m *Machine) address(ctx context.Context, link Link) (Lease, error) {
	ip := m.Params.ip()
	lease := staticLease(ip, link.Name)
	if !m.Params.static() {
		var err error
		if lease, err = m.ask(ctx, link, ip); err != nil {
			return Lease{}, err
		}
	}
	if lease.Gateway.IsValid() && !lease.Addr.Masked().Contains(lease.Gateway) {
		m.logf("gateway %s is not in %s: done without", lease.Gateway, lease.Addr.Masked())
		lease.Gateway = netip.Addr{}
	}
	if err := m.System.SetAddress(link, lease.Addr, lease.Gateway); err != nil {
		return Lease{}, fmt.Errorf("give %s the address %s: %w", link.Name, lease.Addr, err)
	}
	m.logf("%s (%s) has %s%s", link.Name, link.MAC, lease.Addr, map[string]string{"dhcp": " by DHCP"}[lease.Proto])
	return lease, nil
}

// ask gets a lease by DHCP, at one attempt.
func (m *Machine) ask(ctx context.Context, link Link, ip bootparam.IP) (Lease, error) {
	m.alive(offerWait + ackWait + time.Second)
	conn, err := m.System.Listen(link)
	if err != nil {
		return Lease{}, fmt.Errorf("open a socket for DHCP on %s: %w", link.Name, err)
	}
	defer conn.Close()
	lease, err := askDHCP(ctx, conn, link, ip)
	if errors.Is(err, errNoAnswer) {
		return Lease{}, fmt.Errorf("no address for %s (%s): %w on %s", link.Name, link.MAC, err, link.Name)
	}
	if err != nil {
		return Lease{}, err
	}
	return lease.override(ip), nil
}

// mountUntil mounts the root, again and again, as long as the address is good.
// Whoever has a lease asks DHCP again after a minute: what it says of the root
// may have been put right, and the address may have gone to another.
func (m *Machine) mountUntil(ctx context.Context, lease Lease) error {
	spec, err := m.Params.Mount(lease)
	if err != nil {
		return err
	}
	asked := time.Now()
	pause := backoff{first: 500 * time.Millisecond, most: 30 * time.Second}
	said := ""
	for {
		err := m.mount(ctx, spec, lease)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if lease.Proto == "dhcp" && time.Since(asked) > freshLease {
			return err
		}
		d := pause.delay()
		if err.Error() == said {
			err = errSame
		} else {
			said = err.Error()
		}
		if err := m.retry(ctx, err, d); err != nil {
			return err
		}
	}
}

// errSame stands for a long text that is on the console already.
var errSame = errors.New("no root yet, for the same reason")

// mount makes one attempt.
func (m *Machine) mount(ctx context.Context, spec Mount, lease Lease) error {
	if !spec.UDP {
		m.alive(dialWait + time.Second)
		dialing, cancel := context.WithTimeout(ctx, dialWait)
		defer cancel()
		if err := m.System.Dial(dialing, netip.AddrPortFrom(spec.Server, spec.Port)); err != nil {
			return m.explainDial(spec, lease, err)
		}
	}
	m.alive(mountWait)
	if err := m.System.Mount(spec); err != nil {
		return explainMount(spec, lease, err)
	}
	if err := m.System.Runnable(m.Params.Init); err != nil {
		m.System.Unmount() //nolint:errcheck // the next attempt mounts over it
		return fmt.Errorf("%s was mounted, but holds no program %s: %w", spec.Source, m.Params.Init, err)
	}
	m.logf("root %s mounted, NFS %s, %s", spec.Source, spec.Version, map[bool]string{true: "read only", false: "read and write"}[spec.ReadOnly])
	return nil
}

// keep leaves what was learnt for the system that takes over.
func (m *Machine) keep(lease Lease) error {
	var errs []error
	uptime := time.Duration(0)
	if m.Uptime != nil {
		uptime = m.Uptime()
	}
	errs = append(errs, m.System.WriteFile("net-"+lease.Device+".conf", []byte(lease.Conf(uptime))))
	if resolv := lease.Resolv(); resolv != "" {
		errs = append(errs, m.System.WriteFile("nfsinit/resolv.conf", []byte(resolv)))
	}
	if lease.Hostname != "" {
		errs = append(errs, m.System.SetHostname(lease.Hostname))
	}
	if err := errors.Join(errs...); err != nil {
		m.logf("%v", err) // the root is there; nobody needs these to boot
	}
	return nil
}

func (m *Machine) alive(d time.Duration) {
	if m.Alive != nil {
		m.Alive(d)
	}
}

func (m *Machine) logf(format string, args ...any) {
	if m.Log != nil {
		m.Log(fmt.Sprintf(format, args...))
	}
}

func names(links []Link) string {
	if len(links) == 0 {
		return "none"
	}
	all := make([]string, len(links))
	for i, l := range links {
		all[i] = fmt.Sprintf("%s (%s)", l.Name, l.MAC)
	}
	return strings.Join(all, ", ")
}
