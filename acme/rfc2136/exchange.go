package rfc2136

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/miekg/dns"
)

// datagram is how large a message by UDP may be that is not fragmented (RFC 9715),
// with room for a signature.
const datagram = 1100

// exchange sends one message. With a key, an answer that is not signed by it does not
// count.
func (p *Provider) exchange(ctx context.Context, m *dns.Msg) (*dns.Msg, error) {
	network := cmp.Or(p.Network, "tcp")
	if network == "udp" && m.Len() > datagram {
		network = "tcp"
	}
	answer, err := p.once(ctx, network, m.Copy())
	if err == nil && answer.Truncated && network == "udp" {
		return p.once(ctx, "tcp", m.Copy())
	}
	return answer, err
}

func (p *Provider) once(ctx context.Context, network string, m *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Timeout, 10*time.Second))
	defer cancel()
	dial := p.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	raw, err := dial(ctx, network, p.address())
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn := &dns.Conn{Conn: raw, UDPSize: dns.MaxMsgSize}
	p.sign(conn, m)
	if err := conn.WriteMsg(m); err != nil {
		return nil, fmt.Errorf("send by %s: %w", network, err)
	}
	const maxOdd = 32 // datagrams that are somebody else's, or forged
	for range maxOdd {
		var answer *dns.Msg
		answer, err = conn.ReadMsg()
		if ctx.Err() != nil && (err != nil || answer == nil) {
			return nil, fmt.Errorf("no answer by %s: %w", network, ctx.Err())
		}
		answer, err = p.believe(m, answer, err)
		if network != "udp" || !errors.Is(err, errOdd) && !errors.Is(err, errUnsigned) {
			return answer, err
		}
	}
	return nil, err
}

func (p *Provider) address() string {
	if _, _, err := net.SplitHostPort(p.Server); err == nil {
		return p.Server
	}
	return net.JoinHostPort(p.Server, "53")
}

func (p *Provider) sign(conn *dns.Conn, m *dns.Msg) {
	if p.Key.Name == "" {
		return
	}
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	const fudge = 300
	key := dns.CanonicalName(p.Key.Name)
	conn.TsigSecret = map[string]string{key: string(p.Key.Secret)}
	m.SetTsig(key, dns.CanonicalName(cmp.Or(p.Key.Algorithm, dns.HmacSHA256)), fudge, now().Unix())
}

// believe checks what was read, and the error with which it was read.
func (p *Provider) believe(m, answer *dns.Msg, err error) (*dns.Msg, error) {
	if answer == nil {
		return nil, err
	}
	if answer.Id != m.Id || !answer.Response || answer.Opcode != m.Opcode {
		return nil, errOdd
	}
	tsig := answer.IsTsig()
	switch {
	case tsig != nil && tsig.Error != dns.RcodeSuccess:
		return nil, explainTSIG(tsig.Error, p.Key.Name)
	case errors.Is(err, dns.ErrAuth): // signed well, and NOTAUTH
		return answer, nil
	case err != nil:
		return nil, err
	case p.Key.Name != "" && tsig == nil && answer.Rcode == dns.RcodeSuccess:
		return nil, errUnsigned
	}
	return answer, nil
}
