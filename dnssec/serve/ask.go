package serve

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer"
	"github.com/mythic-beasts/hostkit/dnssec/internal/tsig"
)

// Primary is a server that has a zone.
type Primary struct {
	// Addr is where it listens. Port zero means 53, or 853 with TLS.
	Addr netip.AddrPort
	// Key signs what is asked, and must sign what is answered; nil is none.
	Key *Key
	// AllowSHA1 takes a key of [HMACSHA1].
	AllowSHA1 bool
	// TLS fetches by TLS (RFC 9103), of version 1.3. It must say how the primary is
	// known, as by ServerName and RootCAs. Nil is TCP.
	TLS *tls.Config
	// Dial connects; nil means net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (p Primary) dial(ctx context.Context, network string) (net.Conn, error) {
	addr := p.Addr
	if addr.Port() == 0 {
		port := uint16(53)
		if p.TLS != nil {
			port = 853
		}
		addr = netip.AddrPortFrom(addr.Addr(), port)
	}
	dial := p.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	c, err := dial(ctx, network, addr.String())
	if err != nil || p.TLS == nil {
		return c, err
	}
	config := p.TLS.Clone()
	config.MinVersion = max(config.MinVersion, tls.VersionTLS13)
	if len(config.NextProtos) == 0 {
		config.NextProtos = []string{"dot"}
	}
	t := tls.Client(c, config)
	if err := t.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	return t, nil
}

// chain begins a signed exchange; nil is an unsigned one.
func (p Primary) chain() (*tsig.Chain, error) {
	if p.Key == nil {
		return nil, nil //nolint:nilnil // no key is no fault
	}
	key, err := p.Key.internal(p.AllowSHA1)
	if err != nil {
		return nil, err
	}
	return key.Chain(nil), nil
}

// errRefused is an answer that is an error of the other side.
type errRefused int

// Error says which.
func (e errRefused) Error() string { return "the server says " + dns.RcodeToString[int(e)] }

// errTruncated is an answer that did not fit into a datagram.
var errTruncated = errors.New("the answer is truncated")

// serial asks a server for the serial of a zone: by UDP, and by TCP if that fails.
func (p Primary) serial(ctx context.Context, zone dnssec.Name, wait time.Duration) (uint32, error) {
	networks := []string{"udp", "udp", "tcp"}
	if p.TLS != nil {
		networks = networks[2:]
	}
	var errs []error
	for _, network := range networks {
		serial, err := p.serialBy(ctx, network, zone, wait)
		if err == nil {
			return serial, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", network, err))
		if ctx.Err() != nil || errors.As(err, new(errRefused)) {
			break
		}
	}
	return 0, errors.Join(errs...)
}

func (p Primary) serialBy(ctx context.Context, network string, zone dnssec.Name, wait time.Duration) (uint32, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	m := new(dns.Msg).SetQuestion(zone.String(), dns.TypeSOA)
	m.RecursionDesired = false
	m.Id = uint16(rand.Uint32()) //nolint:gosec // datagrams also need the port, and a key proves more
	m.SetEdns0(answer.DefaultUDPSize, false)
	chain, err := p.chain()
	if err != nil {
		return 0, err
	}
	conn, err := p.dial(ctx, network)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if err := sendRequest(conn, network, m, chain); err != nil {
		return 0, err
	}
	buf := make([]byte, maxMessage)
	for {
		var raw []byte
		if network == "udp" {
			n, err := conn.Read(buf)
			if err != nil {
				return 0, err
			}
			raw = buf[:n]
		} else if raw, err = readMessage(conn, &buf); err != nil {
			return 0, err
		}
		serial, err := serialIn(raw, m, chain)
		if errors.Is(err, errOther) && network == "udp" {
			continue
		}
		return serial, err
	}
}

// errOther is a message that answers something else.
var errOther = errors.New("the message answers another question")

// serialIn is the serial in an answer.
func serialIn(raw []byte, q *dns.Msg, chain *tsig.Chain) (uint32, error) {
	m, err := openAnswer(raw, q, chain)
	switch {
	case err != nil:
		return 0, err
	case m.Rcode != dns.RcodeSuccess:
		return 0, errRefused(m.Rcode)
	case m.Truncated:
		return 0, errTruncated
	case !m.Authoritative:
		return 0, errors.New("the answer is not authoritative")
	}
	for _, rr := range m.Answer {
		if soa, ok := rr.(*dns.SOA); ok && dns.CanonicalName(soa.Hdr.Name) == dns.CanonicalName(q.Question[0].Name) {
			return soa.Serial, nil
		}
	}
	return 0, errors.New("the answer has no SOA record of the zone")
}

// openAnswer reads one message, checks that it answers q, and its signature.
func openAnswer(raw []byte, q *dns.Msg, chain *tsig.Chain) (*dns.Msg, error) {
	if len(raw) < 12 || binary.BigEndian.Uint16(raw) != q.Id || raw[2]&0xf8 != 0x80 {
		return nil, errOther
	}
	body, record, err := tsig.Split(raw)
	if err != nil {
		return nil, err
	}
	m := new(dns.Msg)
	if err := m.Unpack(body); err != nil {
		return nil, err
	}
	if len(m.Question) > 1 || len(m.Question) == 1 && (m.Question[0].Qtype != q.Question[0].Qtype ||
		m.Question[0].Qclass != dns.ClassINET || dns.CanonicalName(m.Question[0].Name) != dns.CanonicalName(q.Question[0].Name)) {
		return nil, errOther
	}
	if chain == nil {
		return m, nil
	}
	return m, verify(chain, body, record, m.Rcode)
}

// verify checks a signature, and says what the other side has against ours.
func verify(chain *tsig.Chain, body []byte, record *tsig.Record, rcode int) error {
	err := chain.Verify(body, record, time.Now())
	switch {
	case err == nil:
		return nil
	case record != nil && record.Error != 0:
		return fmt.Errorf("the server says %s to the key", dns.RcodeToString[int(record.Error)])
	case rcode != dns.RcodeSuccess:
		return fmt.Errorf("the server says %s: %w", dns.RcodeToString[rcode], err)
	}
	return err
}

func sendRequest(conn net.Conn, network string, m *dns.Msg, chain *tsig.Chain) error {
	raw, err := m.Pack()
	if err != nil {
		return err
	}
	if chain != nil {
		raw = chain.Sign(raw, time.Now())
	}
	if network != "udp" {
		raw = append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)
	}
	_, err = conn.Write(raw)
	return err
}
