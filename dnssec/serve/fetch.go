package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/internal/tsig"
)

// FetchLimits bound what a primary may send. Zero means what is said.
type FetchLimits struct {
	// Records and Bytes are those of a transfer: 10 million, and 2 GiB.
	Records int
	Bytes   int64
	// Time is how long it may take in all, an hour, and Idle how long it may be
	// silent, 30 s.
	Time, Idle time.Duration
}

func (l FetchLimits) full() FetchLimits {
	return FetchLimits{
		Records: cmp.Or(l.Records, 10_000_000), Bytes: cmp.Or(l.Bytes, 2<<30),
		Time: cmp.Or(l.Time, time.Hour), Idle: cmp.Or(l.Idle, 30*time.Second),
	}
}

// Fetch transfers a zone from a primary: what has changed since have (RFC 1995), or
// all of it if have is nil, or if the changes do not fit to it. What it returns is
// have itself if the primary has nothing newer.
func Fetch(ctx context.Context, zone string, have *dnssec.Zone, from Primary, l FetchLimits) (*dnssec.Zone, error) {
	name, err := dnssec.ParseName(zone)
	if err != nil {
		return nil, err
	}
	l = l.full()
	ctx, cancel := context.WithTimeout(ctx, l.Time)
	defer cancel()
	fail := func(err error) (*dnssec.Zone, error) {
		return nil, fmt.Errorf("serve: transfer of %q from %v: %w", name, from.Addr, err)
	}
	if have == nil {
		z, err := fetch(ctx, name, nil, from, l)
		if err != nil {
			return fail(err)
		}
		return z, nil
	}
	z, err := fetch(ctx, name, have, from, l)
	if err == nil || ctx.Err() != nil {
		if err != nil {
			return fail(err)
		}
		return z, nil
	}
	z, again := fetch(ctx, name, nil, from, l)
	if again != nil {
		return fail(errors.Join(fmt.Errorf("of the changes: %w", err), fmt.Errorf("of the whole zone: %w", again)))
	}
	if !serialAfter(z.Serial(), have.Serial()) {
		return fail(fmt.Errorf("of the changes: %w; the whole zone has serial %d, which is not after %d", err, z.Serial(), have.Serial()))
	}
	return z, nil
}

// fetch is one transfer, on a connection of its own.
func fetch(ctx context.Context, zone dnssec.Name, have *dnssec.Zone, from Primary, l FetchLimits) (*dnssec.Zone, error) {
	q := new(dns.Msg)
	q.Id = uint16(rand.Uint32()) //nolint:gosec // the connection is the peer's
	q.Question = []dns.Question{{Name: zone.String(), Qtype: dns.TypeAXFR, Qclass: dns.ClassINET}}
	a := &assembler{zone: zone, have: have, limit: l.Records}
	if have != nil {
		q.Question[0].Qtype = dns.TypeIXFR
		q.Ns = have.RRset(zone, dns.TypeSOA)
	}
	chain, err := from.chain()
	if err != nil {
		return nil, err
	}
	conn, err := from.dial(ctx, "tcp")
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := conn.SetDeadline(time.Now().Add(l.Idle)); err != nil {
		return nil, err
	}
	if err := sendRequest(conn, "tcp", q, chain); err != nil {
		return nil, err
	}
	if err := a.read(conn, q, chain, l); err != nil {
		if ctx.Err() != nil {
			err = errors.Join(context.Cause(ctx), err)
		}
		return nil, err
	}
	return a.result()
}

// unsignedMost is how many messages may come without a signature after one (RFC
// 8945, section 5.3.1).
const unsignedMost = 99

// read takes messages until the transfer is whole, and what is signed is.
func (a *assembler) read(conn net.Conn, q *dns.Msg, chain *tsig.Chain, l FetchLimits) error {
	buf := make([]byte, 2)
	unsigned, bytes := 0, int64(0)
	for first := true; !a.done || unsigned > 0; first = false {
		if err := conn.SetReadDeadline(time.Now().Add(l.Idle)); err != nil {
			return err
		}
		raw, err := readMessage(conn, &buf)
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("the connection ended before the transfer: %w", io.ErrUnexpectedEOF)
		case err != nil:
			return err
		}
		if bytes += int64(len(raw)); bytes > l.Bytes {
			return fmt.Errorf("the transfer has more than %d octets", l.Bytes)
		}
		m, signed, err := openPart(raw, q, chain, first)
		if err != nil {
			return err
		}
		if unsigned++; signed || chain == nil {
			unsigned = 0
		}
		if unsigned > unsignedMost {
			return errors.New("too many messages are without a signature")
		}
		if err := a.message(m); err != nil {
			return err
		}
	}
	return nil
}

// openPart reads a message of a transfer. Those after the first may have neither
// question nor signature.
func openPart(raw []byte, q *dns.Msg, chain *tsig.Chain, first bool) (m *dns.Msg, signed bool, err error) {
	if chain != nil && !first {
		body, record, err := tsig.Split(raw)
		if err != nil {
			return nil, false, err
		}
		if record == nil {
			chain.Skip(body)
			m, err = openAnswer(raw, q, nil)
			return m, false, refusal(m, err)
		}
	}
	m, err = openAnswer(raw, q, chain)
	return m, true, refusal(m, err)
}

func refusal(m *dns.Msg, err error) error {
	if err == nil && m.Rcode != dns.RcodeSuccess {
		return errRefused(m.Rcode)
	}
	return err
}
