package dnssec

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// WriteTo writes a zone file with a record on each line, all of it absolute. Large
// zones are written by one goroutine for each CPU that Go uses, which have ended when
// it returns.
func (z *Zone) WriteTo(w io.Writer) (int64, error) {
	workers := min(runtime.GOMAXPROCS(0), len(z.nodes))
	texts := make([]chan []byte, workers) // of each worker's chunks
	spare := make(chan []byte, 3*workers)
	stop := make(chan struct{})
	var wait sync.WaitGroup
	defer wait.Wait()
	defer close(stop)
	for i := range workers {
		texts[i] = make(chan []byte, 1)
		wait.Go(func() { z.nodes.write(i, workers, texts[i], spare, stop) })
	}
	var total int64
	for i := range z.nodes {
		text := <-texts[i%workers]
		n, err := w.Write(text)
		total += int64(n)
		if err != nil {
			return total, fmt.Errorf("dnssec: write zone %q: %w", z.origin, err)
		}
		spare <- text // never more than there is room for
	}
	return total, nil
}

// write makes the texts of every step-th chunk, in buffers that were used before if
// there are any.
func (t tree) write(first, step int, to chan<- []byte, spare <-chan []byte, stop <-chan struct{}) {
	for i := first; i < len(t); i += step {
		var p presenter
		select {
		case p.b = <-spare:
			p.b = p.b[:0]
		default:
		}
		for _, n := range t[i].nodes {
			p.node(n)
		}
		select {
		case to <- p.b:
		case <-stop:
			return
		}
	}
}

// fields says how the data of a type is written, a letter a field:
//
//	b, s, l   a number of 8, 16 or 32 bits
//	e         a time (RFC 4034, section 3.2)
//	t         a type
//	n         a name
//	4, 6      an address
//	h         a salt, behind its length
//	o         a hash in base 32, behind its length
//	x, z      the rest in base 16 or 64
//	q         the rest as strings
//	m         the rest as type bit maps
//
// It is empty for types that are left to the library.
func fields(typ uint16) string {
	switch typ {
	case dns.TypeA:
		return "4"
	case dns.TypeAAAA:
		return "6"
	case dns.TypeNS, dns.TypeCNAME, dns.TypeDNAME, dns.TypePTR:
		return "n"
	case dns.TypeSOA:
		return "nnlllll"
	case dns.TypeMX:
		return "sn"
	case dns.TypeSRV:
		return "sssn"
	case dns.TypeTXT:
		return "q"
	case dns.TypeDS, dns.TypeCDS:
		return "sbbx"
	case dns.TypeDNSKEY, dns.TypeCDNSKEY:
		return "sbbz"
	case dns.TypeRRSIG:
		return "tbbleesnz"
	case dns.TypeNSEC:
		return "nm"
	case dns.TypeNSEC3:
		return "bbshom"
	case dns.TypeNSEC3PARAM:
		return "bbsh"
	}
	return ""
}

// presenter writes records as zone files have them, as the library does in more time.
type presenter struct {
	b    []byte
	rest string // of the data
	ok   bool   // all could be written
}

// node adds a line for each record of a name.
func (p *presenter) node(n *node) {
	start := len(p.b)
	p.ok = true
	p.name(n.name.wire)
	owner, plain := string(p.b[start:]), p.ok
	p.b = p.b[:start]
	for _, s := range n.sets {
		layout := fields(s.typ)
		for _, rdata := range s.rdata {
			line := len(p.b)
			if layout != "" && plain && p.record(owner, s, layout, rdata) {
				continue
			}
			p.b = append(p.b[:line], present(record{name: n.name, typ: s.typ, ttl: s.ttl, rdata: rdata}.rr())...)
			p.b = append(p.b, '\n')
		}
	}
}

func (p *presenter) record(owner string, s *rrset, layout, rdata string) bool {
	p.rest, p.ok = rdata, true
	p.b = append(p.b, owner...)
	p.b = append(p.b, '\t')
	p.b = strconv.AppendUint(p.b, uint64(s.ttl), 10)
	p.b = append(p.b, "\tIN\t"...)
	p.b = append(p.b, dns.TypeToString[s.typ]...)
	for i := range len(layout) {
		if !p.ok {
			return false
		}
		if i == 0 {
			p.b = append(p.b, '\t')
		} else if layout[i] != 'm' {
			p.b = append(p.b, ' ')
		}
		p.field(layout[i])
	}
	p.b = append(p.b, '\n')
	return p.ok && p.rest == ""
}

func (p *presenter) field(code byte) {
	switch code {
	case 'b':
		p.number(1)
	case 's':
		p.number(2)
	case 'l':
		p.number(4)
	case 'e':
		if b := p.take(4); p.ok {
			p.b = time.Unix(int64(binary.BigEndian.Uint32([]byte(b))), 0).UTC().AppendFormat(p.b, timeLayout)
		}
	case 't':
		if b := p.take(2); p.ok {
			p.b = append(p.b, dns.Type(binary.BigEndian.Uint16([]byte(b))).String()...)
		}
	case 'n':
		p.wireName()
	case '4', '6':
		p.address(code)
	case 'h', 'o':
		p.counted(code)
	case 'q':
		p.strings()
	case 'm':
		p.bitmap()
	default:
		p.encoded(code)
	}
}

// take is the next n octets of the data.
func (p *presenter) take(n int) string {
	if len(p.rest) < n {
		p.ok = false
		return ""
	}
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

func (p *presenter) number(octets int) {
	v := uint64(0)
	b := p.take(octets)
	for i := range len(b) {
		v = v<<8 | uint64(b[i])
	}
	p.b = strconv.AppendUint(p.b, v, 10)
}

// name writes labels that need no escapes.
func (p *presenter) name(wire string) {
	if wire == "" {
		p.b = append(p.b, '.')
	}
	for wire != "" {
		label := wire[1 : 1+int(wire[0])]
		for i := range len(label) {
			if !unescaped[label[i]] {
				p.ok = false
				return
			}
		}
		p.b = append(p.b, label...)
		p.b = append(p.b, '.')
		wire = wire[1+len(label):]
	}
}

// unescaped are the octets that all programs write as they are.
var unescaped = func() (set [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_*/+=,:!?#%&^~<>[]{}|" {
		set[c] = true
	}
	return set
}()

func (p *presenter) wireName() {
	n, err := nameLength([]byte(p.rest[:min(len(p.rest), maxName)]))
	if err != nil {
		p.ok = false
		return
	}
	p.name(p.take(n)[:n-1])
}

func (p *presenter) address(code byte) {
	var a netip.Addr
	if code == '4' && len(p.rest) == 4 {
		a = netip.AddrFrom4([4]byte([]byte(p.take(4))))
	} else if code == '6' && len(p.rest) == 16 {
		a = netip.AddrFrom16([16]byte([]byte(p.take(16))))
	}
	if p.ok = a.IsValid(); p.ok {
		p.b = a.AppendTo(p.b)
	}
}

const digits = "0123456789ABCDEF"

// upper32 is how the library writes hashes in data; in names they are lower.
var upper32 = base32.HexEncoding.WithPadding(base32.NoPadding)

func (p *presenter) counted(code byte) {
	b := p.take(1)
	if p.ok {
		b = p.take(int(b[0]))
	}
	switch {
	case !p.ok:
	case code == 'o':
		p.ok = b != ""
		p.b = upper32.AppendEncode(p.b, []byte(b))
	case b == "":
		p.b = append(p.b, '-')
	default:
		p.hex(b)
	}
}

func (p *presenter) hex(s string) {
	for i := range len(s) {
		p.b = append(p.b, digits[s[i]>>4], digits[s[i]&15])
	}
}

// encoded writes what is left of the data.
func (p *presenter) encoded(code byte) {
	b := p.take(len(p.rest))
	if code == 'x' {
		p.hex(b)
		return
	}
	p.b = base64.StdEncoding.AppendEncode(p.b, []byte(b))
}

func (p *presenter) strings() {
	if p.rest == "" {
		p.ok = false
	}
	for first := true; p.ok && p.rest != ""; first = false {
		b := p.take(1)
		b = p.take(int(b[0]))
		if !first {
			p.b = append(p.b, ' ')
		}
		p.b = append(p.b, '"')
		for i := range len(b) {
			if b[i] < ' ' || b[i] > '~' || b[i] == '"' || b[i] == '\\' {
				p.ok = false
			}
		}
		p.b = append(p.b, b...)
		p.b = append(p.b, '"')
	}
}

func (p *presenter) bitmap() {
	last := -1
	for p.ok && p.rest != "" {
		b := p.take(2)
		if !p.ok || int(b[0]) <= last || b[1] == 0 || b[1] > 32 {
			p.ok = false
			return
		}
		last = int(b[0])
		window := uint16(b[0]) << 8
		bits := p.take(int(b[1]))
		for i := range 8 * len(bits) {
			if bits[i/8]&(0x80>>(i%8)) != 0 {
				p.b = append(p.b, ' ')
				p.b = append(p.b, dns.Type(window+uint16(i)).String()...)
			}
		}
	}
}

// present is the record as zone files have it. The library writes the class of an
// unknown type as CLASS1, which not every server reads.
func present(rr dns.RR) string {
	if _, ok := rr.(*dns.RFC3597); ok {
		return strings.Replace(rr.String(), "\tCLASS1\t", "\tIN\t", 1)
	}
	return rr.String()
}
