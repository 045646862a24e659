package boot_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/cmd/nfsinit/internal/boot"
)

var (
	mac  = net.HardwareAddr{0xb8, 0x27, 0xeb, 1, 2, 3}
	eth0 = boot.Link{Name: "eth0", Index: 2, MAC: mac, Carrier: true}
)

// system is a [boot.System] in memory. Functions that are nil succeed.
type system struct {
	links    func() []boot.Link
	up       func(boot.Link) error
	dial     func(netip.AddrPort) error
	mount    func(boot.Mount) error
	runnable func(string) error
	serve    func(*dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 // DHCP; nil means nobody answers
	arp      map[netip.Addr]string
	listen   error
	setAddr  error

	addr      netip.Prefix
	gateway   netip.Addr
	hostname  string
	files     map[string]string
	mounted   boot.Mount
	unmounted int
	upped     []string
	listening string // on which interface DHCP was last asked
	open      int    // sockets
}

var _ boot.System = (*system)(nil)

func (s *system) Links() ([]boot.Link, error) {
	if s.links == nil {
		return []boot.Link{eth0}, nil
	}
	return s.links(), nil
}

func (s *system) Up(l boot.Link) error {
	s.upped = append(s.upped, l.Name)
	if s.up != nil {
		return s.up(l)
	}
	return nil
}

func (s *system) SetAddress(_ boot.Link, addr netip.Prefix, gateway netip.Addr) error {
	s.addr, s.gateway = addr, gateway
	return s.setAddr
}

func (s *system) SetHostname(name string) error {
	s.hostname = name
	return nil
}

func (s *system) Dial(ctx context.Context, addr netip.AddrPort) error {
	if s.dial == nil {
		return nil
	}
	return s.dial(addr)
}

func (s *system) Neighbour(addr netip.Addr) string { return s.arp[addr] }

func (s *system) Mount(m boot.Mount) error {
	if s.mount != nil {
		if err := s.mount(m); err != nil {
			return err
		}
	}
	s.mounted = m
	return nil
}

func (s *system) Unmount() error {
	s.unmounted++
	return nil
}

func (s *system) Runnable(program string) error {
	if s.runnable == nil {
		return nil
	}
	return s.runnable(program)
}

func (s *system) WriteFile(name string, b []byte) error {
	if s.files == nil {
		s.files = make(map[string]string)
	}
	s.files[name] = string(b)
	return nil
}

func (s *system) Listen(l boot.Link) (boot.Packets, error) {
	s.listening = l.Name
	if s.listen != nil {
		return nil, s.listen
	}
	s.open++
	return &packets{system: s}, nil
}

// packets is a network with a DHCP server on it.
type packets struct {
	system *system
	queue  [][]byte
}

func (p *packets) Send(b []byte) error {
	m, err := dhcpv4.FromBytes(b)
	if err != nil {
		return err
	}
	if p.system.serve != nil {
		for _, answer := range p.system.serve(m) {
			p.queue = append(p.queue, answer.ToBytes())
		}
	}
	return nil
}

func (p *packets) Receive(deadline time.Time) ([]byte, error) {
	if len(p.queue) == 0 {
		<-time.After(time.Until(deadline))
		return nil, os.ErrDeadlineExceeded
	}
	b := p.queue[0]
	p.queue = p.queue[1:]
	return b, nil
}

func (p *packets) Close() error {
	p.system.open--
	return nil
}

// reply answers a message as a DHCP server does.
func reply(t *testing.T, m *dhcpv4.DHCPv4, kind dhcpv4.MessageType, more ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	t.Helper()
	r, err := dhcpv4.NewReplyFromRequest(m, append([]dhcpv4.Modifier{
		dhcpv4.WithMessageType(kind),
		dhcpv4.WithYourIP(net.IPv4(10, 0, 0, 17)),
		dhcpv4.WithServerIP(net.IPv4(10, 0, 0, 1)),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4(10, 0, 0, 2))),
		dhcpv4.WithNetmask(net.CIDRMask(24, 32)),
		dhcpv4.WithRouter(net.IPv4(10, 0, 0, 254)),
		dhcpv4.WithDNS(net.IPv4(10, 0, 0, 53)),
		dhcpv4.WithOption(dhcpv4.OptHostName("pi17")),
		dhcpv4.WithLeaseTime(3600),
	}, more...)...)
	require.NoError(t, err)
	return r
}

// server gives what it is asked for.
func server(t *testing.T, more ...dhcpv4.Modifier) func(*dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
	return func(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
		kind := dhcpv4.MessageTypeOffer
		if m.MessageType() == dhcpv4.MessageTypeRequest {
			kind = dhcpv4.MessageTypeAck
		}
		return []*dhcpv4.DHCPv4{reply(t, m, kind, more...)}
	}
}

// after fails with err until the time has come.
func after(d time.Duration, err error) func() error {
	start := time.Now()
	return func() error {
		if time.Since(start) < d {
			return err
		}
		return nil
	}
}

var errRefused = os.NewSyscallError("connect", syscall.ECONNREFUSED)

var errUnknown = errors.New("something else")
