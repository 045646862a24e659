package parent

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	// udpSize is what a datagram may have without being fragmented (RFC 9715).
	udpSize = 1232
	// maxOdd is how many datagrams that are no answer are read before TCP is used.
	maxOdd = 32
	// maxServers and maxAddresses bound what one delegation makes us ask.
	maxServers   = 32
	maxAddresses = 16
)

var (
	errOdd       = errors.New("what came is no answer to what was asked")
	errTruncated = errors.New("the answer is truncated even by TCP")
	errCase      = errors.New("the answer does not repeat the question letter for letter")
)

// ask asks a server for an RRset with its signatures, recursively or not.
func (r *Resolver) ask(ctx context.Context, server netip.AddrPort, name string, typ uint16, recursive bool) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(name, typ)
	m.RecursionDesired = recursive
	m.SetEdns0(udpSize, true)
	answer, err := r.exchange(ctx, server, m, true)
	if err != nil {
		return nil, err
	}
	if answer.Rcode == dns.RcodeFormatError || answer.Rcode == dns.RcodeNotImplemented {
		m.Extra = nil // a server that knows no EDNS
		return r.exchange(ctx, server, m, true)
	}
	return answer, nil
}

// exchange sends a message by UDP, and by TCP if an answer is truncated, odd, or
// does not come. Mixed is whether the question's letters get random case, as one
// more thing that a forger must guess.
func (r *Resolver) exchange(ctx context.Context, server netip.AddrPort, m *dns.Msg, mixed bool) (*dns.Msg, error) {
	attempts := r.Attempts
	if attempts == 0 {
		attempts = 3
	}
	name := m.Question[0].Name
	for range attempts {
		m.Id = dns.Id()
		if mixed {
			m.Question[0].Name = mixCase(name)
		}
		answer, err := r.once(ctx, "udp", server, m)
		if err == nil && !answer.Truncated {
			return answer, nil
		}
		if err == nil || errors.Is(err, errOdd) || errors.Is(err, errCase) || ctx.Err() != nil {
			break
		}
	}
	m.Id, m.Question[0].Name = dns.Id(), name
	answer, err := r.once(ctx, "tcp", server, m)
	switch {
	case err != nil:
		return nil, err
	case answer.Truncated:
		return nil, errTruncated
	}
	return answer, nil
}

// once is one attempt, on a connection of its own and so from a port that cannot
// be guessed.
func (r *Resolver) once(ctx context.Context, network string, server netip.AddrPort, m *dns.Msg) (*dns.Msg, error) {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = 2 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	query, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("pack a question: %w", err)
	}
	conn, err := r.dial(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	answer, err := talk(conn, network, query, m)
	if ctx.Err() != nil && err != nil && !errors.Is(err, errOdd) {
		return nil, fmt.Errorf("no answer by %s: %w", network, ctx.Err())
	}
	return answer, err
}

func talk(conn net.Conn, network string, query []byte, m *dns.Msg) (*dns.Msg, error) {
	if network == "tcp" {
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
			return nil, err
		}
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return nil, err
		}
		packet := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, packet); err != nil {
			return nil, err
		}
		return match(packet, m, false)
	}
	if _, err := conn.Write(query); err != nil {
		return nil, err
	}
	packet := make([]byte, 1<<16)
	odd := false
	for range maxOdd {
		n, err := conn.Read(packet)
		if err != nil {
			if odd {
				return nil, errOdd
			}
			return nil, err
		}
		answer, err := match(packet[:n], m, true)
		if !errors.Is(err, errOdd) {
			return answer, err
		}
		odd = true // somebody else's, or a forgery: the answer may still come
	}
	return nil, errOdd
}

// match decodes an answer and says whether it is one to the question. Exact is
// whether letters must have the case that they were sent with.
func match(packet []byte, m *dns.Msg, exact bool) (*dns.Msg, error) {
	answer := new(dns.Msg)
	if err := answer.Unpack(packet); err != nil {
		return nil, errOdd
	}
	if answer.Id != m.Id || !answer.Response || answer.Opcode != m.Opcode {
		return nil, errOdd
	}
	if len(answer.Question) == 0 && answer.Rcode != dns.RcodeSuccess {
		return answer, nil // some servers repeat nothing with an error
	}
	if len(answer.Question) != 1 {
		return nil, errOdd
	}
	asked, got := m.Question[0], answer.Question[0]
	if got.Qtype != asked.Qtype || got.Qclass != asked.Qclass || !strings.EqualFold(got.Name, asked.Name) {
		return nil, errOdd
	}
	if exact && got.Name != asked.Name {
		return nil, errCase
	}
	return answer, nil
}

// mixCase gives each letter outside of escapes a random case.
func mixCase(name string) string {
	random := make([]byte, len(name))
	_, _ = rand.Read(random) // never fails
	mixed := []byte(name)
	for i, c := range mixed {
		if ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') && random[i]&1 == 1 {
			mixed[i] = c ^ 0x20
		}
	}
	return string(mixed)
}
