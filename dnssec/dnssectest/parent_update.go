package dnssectest

import (
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec"
)

// serveUpdate answers a dynamic update (RFC 2136) that is signed by the one key.
func (p *Parent) serveUpdate(req *dns.Msg) *dns.Msg {
	m := new(dns.Msg).SetReply(req)
	if len(req.Question) != 1 || dns.CanonicalName(req.Question[0].Name) != p.name {
		m.Rcode = dns.RcodeNotAuth
		return m
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.Rcode = p.prerequisites(req.Answer); m.Rcode != dns.RcodeSuccess {
		return m
	}
	next, err := p.unsigned.Update(func(tx *dnssec.Tx) error { return p.apply(tx, req.Ns) })
	if err == nil {
		p.unsigned = next
		err = p.publish(p.now())
	}
	if err != nil {
		m.Rcode = dns.RcodeRefused
	}
	return m
}

// prerequisites are those of section 3.2 of RFC 2136 that are about RRsets.
func (p *Parent) prerequisites(list []dns.RR) int {
	exact := make(map[dns.RR_Header][]dns.RR)
	for _, rr := range list {
		hdr := rr.Header()
		name, err := dnssec.ParseName(hdr.Name)
		if err != nil || !name.Under(p.unsigned.Origin()) {
			return dns.RcodeNotZone
		}
		have := p.unsigned.RRset(name, hdr.Rrtype)
		switch {
		case hdr.Class == dns.ClassANY && len(have) == 0:
			return dns.RcodeNXRrset
		case hdr.Class == dns.ClassNONE && len(have) > 0:
			return dns.RcodeYXRrset
		case hdr.Class == dns.ClassINET:
			set := dns.RR_Header{Name: name.String(), Rrtype: hdr.Rrtype}
			exact[set] = append(exact[set], rr)
		}
	}
	for set, want := range exact {
		name, _ := dnssec.ParseName(set.Name)
		if !sameData(p.unsigned.RRset(name, set.Rrtype), want) {
			return dns.RcodeNXRrset
		}
	}
	return dns.RcodeSuccess
}

func sameData(a, b []dns.RR) bool {
	in := func(list []dns.RR) func(dns.RR) bool {
		return func(rr dns.RR) bool {
			return !slices.ContainsFunc(list, func(other dns.RR) bool { return dns.IsDuplicate(rr, other) })
		}
	}
	return !slices.ContainsFunc(a, in(b)) && !slices.ContainsFunc(b, in(a))
}

// apply is section 3.4 of RFC 2136, for RRsets and records.
func (p *Parent) apply(tx *dnssec.Tx, updates []dns.RR) error {
	for _, rr := range updates {
		hdr := rr.Header()
		name, err := dnssec.ParseName(hdr.Name)
		if err != nil {
			return err
		}
		switch hdr.Class {
		case dns.ClassINET:
			err = tx.Add(rr)
		case dns.ClassANY:
			tx.RemoveRRset(name, hdr.Rrtype)
		case dns.ClassNONE:
			hdr.Class = dns.ClassINET
			_ = tx.Remove(rr) // one that is not there is no error
		default:
			err = fmt.Errorf("class %d", hdr.Class)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// signed answers a message that has a TSIG, or needs one, as fn does what has
// none.
func (p *Parent) signed(req *dns.Msg, packet []byte, fn func(*dns.Msg) *dns.Msg) [][]byte {
	tsig := req.IsTsig()
	if tsig == nil {
		m := new(dns.Msg).SetRcode(req, dns.RcodeRefused)
		if req.Opcode != dns.OpcodeUpdate {
			m = fn(req)
		}
		return packed(m)
	}
	secret := p.options.KeySecret
	if p.options.KeyName == "" || dns.CanonicalName(tsig.Hdr.Name) != p.options.KeyName || dns.TsigVerify(packet, secret, "", false) != nil {
		m := new(dns.Msg).SetRcode(req, dns.RcodeNotAuth)
		m.SetTsig(tsig.Hdr.Name, tsig.Algorithm, tsig.Fudge, int64(tsig.TimeSigned))
		m.IsTsig().Error = dns.RcodeBadSig
		return packed(m)
	}
	plain := req.Copy()
	plain.Extra = plain.Extra[:len(plain.Extra)-1]
	m := fn(plain)
	if m == nil {
		return nil
	}
	m.SetTsig(tsig.Hdr.Name, tsig.Algorithm, tsig.Fudge, int64(tsig.TimeSigned))
	out, _, err := dns.TsigGenerate(m, secret, tsig.MAC, false)
	if err != nil {
		return nil
	}
	return [][]byte{out}
}

func packed(m *dns.Msg) [][]byte {
	if m == nil {
		return nil
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return [][]byte{out}
}
