package boot

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
)

// errNoAnswer is of DHCP when nobody offers an address.
var errNoAnswer = errors.New("no DHCP server answers")

const (
	offerWait = 4 * time.Second // for the answer to one DISCOVER, RFC 2131 4.1
	ackWait   = 4 * time.Second
)

// requested are the options that a machine asks for.
var requested = []dhcpv4.OptionCode{
	dhcpv4.OptionSubnetMask, dhcpv4.OptionRouter, dhcpv4.OptionDomainNameServer, dhcpv4.OptionHostName,
	dhcpv4.OptionDomainName, dhcpv4.OptionRootPath, dhcpv4.OptionNTPServers,
	dhcpv4.OptionIPAddressLeaseTime, dhcpv4.OptionServerIdentifier,
}

// exchange is one attempt to get a lease by DHCP (RFC 2131 section 3.1).
type exchange struct {
	conn Packets
	link Link
	ip   bootparam.IP
	xid  dhcpv4.TransactionID
}

// askDHCP makes one attempt: DISCOVER, OFFER, REQUEST, ACK.
func askDHCP(ctx context.Context, conn Packets, link Link, ip bootparam.IP) (Lease, error) {
	x := exchange{conn: conn, link: link, ip: ip}
	binary.BigEndian.PutUint32(x.xid[:], rand.Uint32()) //nolint:gosec // whoever is in the network sees it anyway
	discover, err := x.message(dhcpv4.MessageTypeDiscover)
	if err != nil {
		return Lease{}, err
	}
	offer, err := x.ask(ctx, discover, offerWait, dhcpv4.MessageTypeOffer)
	if err != nil {
		return Lease{}, err
	}
	request, err := x.message(dhcpv4.MessageTypeRequest,
		dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(offer.YourIPAddr)),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(offer.ServerIdentifier())))
	if err != nil {
		return Lease{}, err
	}
	ack, err := x.ask(ctx, request, ackWait, dhcpv4.MessageTypeAck, dhcpv4.MessageTypeNak)
	if errors.Is(err, errNoAnswer) {
		return Lease{}, fmt.Errorf("DHCP server %s offered %s and was silent when asked for it", offer.ServerIdentifier(), offer.YourIPAddr)
	}
	if err != nil {
		return Lease{}, err
	}
	if ack.MessageType() == dhcpv4.MessageTypeNak {
		return Lease{}, fmt.Errorf("DHCP server %s takes back its offer of %s: %s", offer.ServerIdentifier(), offer.YourIPAddr, plainText(ack.Message()))
	}
	return leaseOf(ack, link.Name)
}

func (x exchange) message(kind dhcpv4.MessageType, more ...dhcpv4.Modifier) (*dhcpv4.DHCPv4, error) {
	mods := append([]dhcpv4.Modifier{
		dhcpv4.WithTransactionID(x.xid),
		dhcpv4.WithHwAddr(x.link.MAC),
		dhcpv4.WithMessageType(kind),
		dhcpv4.WithBroadcast(true), // no address yet that a unicast could come to
		dhcpv4.WithRequestedOptions(requested...),
		dhcpv4.WithOption(dhcpv4.OptClassIdentifier("nfsinit")),
		dhcpv4.WithOption(dhcpv4.OptMaxMessageSize(1472)),
	}, more...)
	if x.ip.Hostname != "" {
		mods = append(mods, dhcpv4.WithOption(dhcpv4.OptHostName(x.ip.Hostname)))
	}
	if kind, value, found := strings.Cut(x.ip.ClientID, ","); found {
		n, err := strconv.ParseUint(kind, 10, 8)
		if err != nil {
			return nil, fmt.Errorf("DHCP client identifier %q: %w", x.ip.ClientID, err)
		}
		mods = append(mods, dhcpv4.WithOption(dhcpv4.OptClientIdentifier(append([]byte{byte(n)}, value...))))
	}
	return dhcpv4.New(mods...)
}

// ask sends a message and returns the first answer of one of the kinds. What is
// not ours, or not DHCP, is passed over.
func (x exchange) ask(ctx context.Context, m *dhcpv4.DHCPv4, within time.Duration, kinds ...dhcpv4.MessageType) (*dhcpv4.DHCPv4, error) {
	if err := x.conn.Send(m.ToBytes()); err != nil {
		return nil, fmt.Errorf("send DHCP %s: %w", m.MessageType(), err)
	}
	deadline := time.Now().Add(within)
	for ctx.Err() == nil && time.Now().Before(deadline) {
		b, err := x.conn.Receive(deadline)
		if err != nil {
			break
		}
		answer, err := dhcpv4.FromBytes(b)
		if err == nil && x.answers(answer, kinds) {
			return answer, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return nil, errNoAnswer
}

func (x exchange) answers(m *dhcpv4.DHCPv4, kinds []dhcpv4.MessageType) bool {
	if m.OpCode != dhcpv4.OpcodeBootReply || m.TransactionID != x.xid || !bytes.Equal(m.ClientHWAddr, x.link.MAC) {
		return false
	}
	for _, kind := range kinds {
		if m.MessageType() == kind {
			return kind == dhcpv4.MessageTypeNak || m.ServerIdentifier() != nil && usable(addrOf(m.YourIPAddr))
		}
	}
	return false
}

// usable reports whether a machine can have the address.
func usable(a netip.Addr) bool {
	return a.Is4() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && a.As4()[0] < 224
}

func leaseOf(ack *dhcpv4.DHCPv4, device string) (Lease, error) {
	l := Lease{
		Device: device, Proto: "dhcp",
		Server:   addrOf(ack.ServerIPAddr),
		DNS:      addrsOf(ack.DNS()),
		NTP:      addrsOf(ack.NTPServers()),
		Hostname: plain(ack.HostName()),
		Domain:   plain(ack.DomainName()),
		RootPath: strings.TrimRight(ack.RootPath(), "\x00"),
		Time:     ack.IPAddressLeaseTime(0),
	}
	ip := bootparam.IP{Client: addrOf(ack.YourIPAddr)}
	if mask := ack.SubnetMask(); len(mask) == 4 {
		ones, bits := mask.Size()
		if bits == 0 {
			return Lease{}, fmt.Errorf("DHCP server %s gives the netmask %v", ack.ServerIdentifier(), net.IP(mask))
		}
		l.Addr = netip.PrefixFrom(ip.Client, ones)
	} else {
		l.Addr = ip.Prefix()
	}
	if !l.Addr.IsValid() || l.Addr.Bits() == 0 {
		return Lease{}, fmt.Errorf("DHCP server %s gives %s without a netmask", ack.ServerIdentifier(), ip.Client)
	}
	if !l.Server.IsValid() || l.Server.IsUnspecified() {
		l.Server = addrOf(ack.ServerIdentifier())
	}
	if routers := addrsOf(ack.Router()); len(routers) > 0 {
		l.Gateway = routers[0]
	}
	return l, nil
}

func addrOf(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

func addrsOf(ips []net.IP) []netip.Addr {
	var all []netip.Addr
	for _, ip := range ips {
		if a := addrOf(ip); usable(a) {
			all = append(all, a)
		}
	}
	return all
}

// plainText makes a stranger's text fit for a console.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s[:min(len(s), 80)])
}
