package parent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/internal/dnsask"
)

// TSIG is a key that two servers share (RFC 8945).
type TSIG struct {
	Name string
	// Algorithm is as in the registry, "hmac-sha256." for example, which is what
	// none means.
	Algorithm string
	// Secret is the key in base64.
	Secret Secret
}

// ErrNotDelegated is for a zone that the parent has no NS records of, so that it
// cannot have a DS.
var ErrNotDelegated = errors.New("the parent does not delegate the zone")

// Update changes DS records by dynamic updates (RFC 2136) of the parent zone, all
// of a change in one message. Each says what the records must be before, so that
// nothing is lost that somebody else changes meanwhile.
type Update struct {
	// Server is the parent's primary.
	Server netip.AddrPort
	// Zone is the parent's name. None means that the server is asked which of the
	// names above the child it has an SOA record of.
	Zone string
	// Key signs updates, and the answers. Without a name nothing is signed.
	Key TSIG
	// TTL is that of new records, in seconds, if there are none to take it from;
	// zero means 3600.
	TTL uint32
	// Timeout is that of one exchange; zero means 10 seconds.
	Timeout time.Duration
	// Dial connects, by "tcp". Nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Observer nil means that people confirm what the parent has.
	Observer Observer
}

// errRaced is for records that are not what they were a moment ago.
var errRaced = errors.New("somebody else changes the same records")

// Submit updates the parent zone, unless it is as wanted.
func (u *Update) Submit(ctx context.Context, zone string, add, remove []rotate.DS) error {
	zone, err := canonical(zone)
	if err != nil {
		return err
	}
	if len(add)+len(remove) == 0 {
		return nil
	}
	if err := u.submit(ctx, zone, add, remove); err != nil {
		return fmt.Errorf("parent: update DS of %s at %s: %w", zone, u.Server, err)
	}
	return nil
}

// Observe asks the Observer.
func (u *Update) Observe(ctx context.Context, zone string) (rotate.DSFacts, error) {
	return observe(ctx, u.Observer, zone)
}

func (u *Update) submit(ctx context.Context, zone string, add, remove []rotate.DS) error {
	parent, err := u.zone(ctx, zone)
	if err != nil {
		return err
	}
	const races = 3
	for range races {
		have, ttl, err := u.current(ctx, zone)
		if err != nil {
			return err
		}
		want := applied(have, add, remove)
		if same(have, want) {
			return nil
		}
		if err := u.delegated(ctx, zone); err != nil {
			return err
		}
		err = u.change(ctx, parent, zone, ttl, have, want)
		if !errors.Is(err, errRaced) {
			return err
		}
	}
	return errRaced
}

// zone is the parent's name.
func (u *Update) zone(ctx context.Context, zone string) (string, error) {
	if u.Zone != "" {
		return canonical(u.Zone)
	}
	for name := zone; name != "."; {
		name = above(name)
		m, err := u.query(ctx, name, dns.TypeSOA)
		if err != nil {
			return "", err
		}
		if m.Authoritative && len(pick(m.Answer, name, dns.TypeSOA).rrs) > 0 {
			return name, nil
		}
	}
	return "", errors.New("the server is authoritative for no zone above it")
}

// current is the DS RRset that the server has, and its TTL or that for a new one.
func (u *Update) current(ctx context.Context, zone string) ([]rotate.DS, uint32, error) {
	m, err := u.query(ctx, zone, dns.TypeDS)
	if err != nil {
		return nil, 0, err
	}
	if m.Rcode == dns.RcodeNameError {
		return nil, 0, ErrNotDelegated
	}
	if m.Rcode != dns.RcodeSuccess {
		return nil, 0, dnsask.RcodeError(m.Rcode)
	}
	if !m.Authoritative {
		return nil, 0, errLame
	}
	ttl := cmp.Or(u.TTL, 3600)
	var have []rotate.DS
	for _, rr := range pick(m.Answer, zone, dns.TypeDS).rrs {
		have = append(have, FromRR(rr.(*dns.DS)))
		ttl = rr.Header().Ttl
	}
	return have, ttl, nil
}

// delegated asks for the NS records, which a server of the parent answers by a
// referral, and one of both zones by themselves.
func (u *Update) delegated(ctx context.Context, zone string) error {
	m, err := u.query(ctx, zone, dns.TypeNS)
	if err != nil {
		return err
	}
	if len(pick(slices.Concat(m.Answer, m.Ns), zone, dns.TypeNS).rrs) == 0 {
		return ErrNotDelegated
	}
	return nil
}

// change sends one update from exactly these records to exactly those.
func (u *Update) change(ctx context.Context, parent, zone string, ttl uint32, have, want []rotate.DS) error {
	rrs := func(list, without []rotate.DS, ttl uint32) []dns.RR {
		var rrs []dns.RR
		for _, d := range list {
			if !slices.Contains(without, d) {
				rrs = append(rrs, ToRR(zone, ttl, d))
			}
		}
		return rrs
	}
	m := new(dns.Msg)
	m.SetUpdate(parent)
	m.RRsetUsed([]dns.RR{&dns.NS{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeNS, Class: dns.ClassINET}}})
	if len(have) == 0 {
		m.RRsetNotUsed([]dns.RR{&dns.DS{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeDS, Class: dns.ClassINET}}})
	} else {
		m.Used(rrs(have, nil, 0))
	}
	m.Remove(rrs(have, want, 0))
	m.Insert(rrs(want, have, ttl))
	answer, err := u.exchange(ctx, m)
	if err != nil {
		return err
	}
	switch answer.Rcode {
	case dns.RcodeSuccess:
		return nil
	case dns.RcodeNXRrset, dns.RcodeYXRrset:
		return fmt.Errorf("%w: %w", errRaced, dnsask.RcodeError(answer.Rcode))
	}
	return dnsask.RcodeError(answer.Rcode)
}

func (u *Update) query(ctx context.Context, name string, typ uint16) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(name, typ)
	m.RecursionDesired = false
	m.SetEdns0(dnsask.Size, false)
	answer, err := u.exchange(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("ask for %s %s: %w", name, dns.Type(typ), err)
	}
	return answer, nil
}

// exchange sends one message by TCP. With a key, an answer that is not signed by it
// does not count.
func (u *Update) exchange(ctx context.Context, m *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(u.Timeout, 10*time.Second))
	defer cancel()
	dial := u.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	raw, err := dial(ctx, "tcp", u.Server.String())
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn := &dns.Conn{Conn: raw}
	if u.Key.Name != "" {
		key := dns.CanonicalName(u.Key.Name)
		conn.TsigSecret = map[string]string{key: string(u.Key.Secret)}
		const fudge = 300
		m.SetTsig(key, dns.Fqdn(cmp.Or(u.Key.Algorithm, dns.HmacSHA256)), fudge, time.Now().Unix())
	}
	if err := conn.WriteMsg(m); err != nil {
		return nil, fmt.Errorf("send: %w", err)
	}
	answer, err := conn.ReadMsg()
	return u.believe(ctx, m, answer, err)
}

// believe checks an answer.
func (u *Update) believe(ctx context.Context, m, answer *dns.Msg, err error) (*dns.Msg, error) {
	if answer == nil {
		return nil, cmp.Or(ctx.Err(), err)
	}
	if answer.Id != m.Id || !answer.Response || answer.Opcode != m.Opcode {
		return nil, dnsask.ErrOdd
	}
	tsig := answer.IsTsig()
	if tsig != nil && tsig.Error != dns.RcodeSuccess {
		return nil, fmt.Errorf("the server does not take the key %s: %s", dns.Fqdn(u.Key.Name), dns.RcodeToString[int(tsig.Error)])
	}
	if errors.Is(err, dns.ErrAuth) {
		return nil, dnsask.RcodeError(answer.Rcode) // signed well, by a server that has no such zone
	}
	if err != nil {
		return nil, err
	}
	if u.Key.Name != "" && tsig == nil {
		if answer.Rcode != dns.RcodeSuccess {
			return nil, dnsask.RcodeError(answer.Rcode)
		}
		return nil, errors.New("the answer is not signed")
	}
	return answer, nil
}
