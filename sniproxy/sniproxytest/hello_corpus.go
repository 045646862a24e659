package sniproxytest

import "github.com/mythic-beasts/hostkit/sniproxy/clienthello"

// Site is the only name that the routed cases of [Corpus] ask for.
const Site = "www.site.example"

// Outcome is what a proxy with a route for [Site] alone does with a case.
type Outcome uint8

// The outcomes.
const (
	// Routed: all segments reach the site, byte for byte.
	Routed Outcome = iota
	// Unknown: a hello with another name, [Case.ServerName]; refused with alert
	// unrecognized_name.
	Unknown
	// NoName: a hello without a name. What happens is policy: a default site, or
	// an alert.
	NoName
	// Refused: malformed for [Case.Reason], and answered with the reason's alert.
	Refused
	// Incomplete: nothing is wrong, and it ends too early. It is closed at the
	// deadline.
	Incomplete
)

// Case is one first flight of a client.
type Case struct {
	Name string
	// Segments arrive in this order; it is also well to send each by a write of
	// its own.
	Segments [][]byte
	// FIN: the client shuts its sending side right behind the last segment, and
	// still reads.
	FIN bool
	// Max is the clienthello.Limits.Max that the case needs, 0 for the default.
	// With the default the case is refused as TooLarge.
	Max int
	// Outcome, and what it is about: the canonical name in the hello, or the
	// reason for the refusal.
	Outcome    Outcome
	ServerName string
	Reason     clienthello.Reason
}

// Bytes are all segments in one.
func (c Case) Bytes() []byte {
	var b []byte
	for _, s := range c.Segments {
		b = append(b, s...)
	}
	return b
}

// Corpus is a set of first flights of clients: ordinary, awkward and hostile.
// Proxies in use fail many of them, most often those in several records.
func Corpus() []Case {
	return append(append(append(fragments(), names()...), shapes()...), hostile()...)
}

func routed(name string, segments ...[]byte) Case {
	return Case{Name: name, Segments: segments, ServerName: Site}
}

func refused(name string, reason clienthello.Reason, segments ...[]byte) Case {
	return Case{Name: name, Segments: segments, Outcome: Refused, Reason: reason}
}

// fragments are hellos in many pieces and sizes.
func fragments() []Case {
	whole := Hello(Site, HelloOptions{})
	twenty := routed("20 KB hello in 2 records", Hello(Site, HelloOptions{Pad: 20_000, NameLast: true}))
	sixty := routed("60 KB hello in 4 records", Hello(Site, HelloOptions{Pad: 60_000, NameLast: true}))
	twenty.Max, sixty.Max = 1<<16, 1<<16
	return []Case{
		routed("post-quantum hello, whole", whole),
		routed("post-quantum hello, 2 segments", whole[:700], whole[700:]),
		routed("post-quantum hello, byte by byte", bytewise(whole)...),
		routed("2 records", Hello(Site, HelloOptions{Records: []int{200}})),
		routed("message header split over records", Hello(Site, HelloOptions{Records: []int{2}})),
		routed("64 one-byte records", Hello(Site, HelloOptions{Records: ones(64)})),
		routed("nothing but one-byte records", Hello(Site, HelloOptions{Records: ones(1), Repeat: true})),
		routed("name split over records", Hello(Site, HelloOptions{Records: []int{140, 1, 1}})),
		routed("5 KB hello, name last", Hello(Site, HelloOptions{Pad: 3500, NameLast: true})),
		routed("15 KB hello, name last", Hello(Site, HelloOptions{Pad: 13_500, NameLast: true})),
		twenty,
		sixty,
	}
}

// names are the forms that a name takes.
func names() []Case {
	return []Case{
		routed("capitals", Hello("WWW.Site.Example", HelloOptions{})),
		routed("trailing dot", Hello(Site+".", HelloOptions{})),
		refused("two names in one list", clienthello.DuplicateName, Hello(Site, HelloOptions{SecondName: "evil.example"})),
		refused("two server_name extensions", clienthello.DuplicateExtension, Hello(Site, HelloOptions{DuplicateSNI: "evil.example"})),
		{Name: "no name", Segments: [][]byte{Hello("", HelloOptions{})}, Outcome: NoName},
		unknown("unknown name", "unknown.example"),
		unknown("underscore", "_my_site.example"),
		unknown("A-label", "xn--bcher-kva.example"),
		refused("NUL in the name", clienthello.NameNUL, Hello(Site+"\x00.evil.example", HelloOptions{})),
		refused("empty name", clienthello.NameEmpty, Hello("", HelloOptions{EmptyName: true})),
		refused("IPv4 literal", clienthello.IPLiteral, Hello("192.0.2.1", HelloOptions{})),
		refused("IPv6 literal", clienthello.IPLiteral, Hello("2001:db8::1", HelloOptions{})),
		refused("slash in the name", clienthello.NameCharacter, Hello("www/../"+Site, HelloOptions{})),
		refused("terminal escape in the name", clienthello.NameCharacter, Hello("\x1b[2J.example", HelloOptions{})),
		refused("UTF-8 in the name", clienthello.NameCharacter, Hello("bücher.example", HelloOptions{})),
		refused("empty label", clienthello.LabelEmpty, Hello("www..example", HelloOptions{})),
	}
}

func unknown(name, server string) Case {
	return Case{Name: name, Segments: [][]byte{Hello(server, HelloOptions{})}, Outcome: Unknown, ServerName: server}
}

// shapes are what clients of all ages send, and what comes with it.
func shapes() []Case {
	whole := Hello(Site, HelloOptions{})
	fin := routed("hello and FIN at once", whole)
	fin.FIN = true
	return []Case{
		routed("0-RTT data behind the hello", Hello(Site, HelloOptions{EarlyData: filler(512, 11)})),
		routed("record version 3.0", Hello(Site, HelloOptions{RecordVersion: 0x0300})),
		routed("record version 3.3", Hello(Site, HelloOptions{RecordVersion: 0x0303})),
		routed("TLS 1.2 only", Hello(Site, HelloOptions{TLS12: true})),
		routed("GREASE of ECH", Hello(Site, HelloOptions{ECH: true})),
		routed("ALPN acme-tls/1", Hello(Site, HelloOptions{ALPN: []string{"acme-tls/1"}})),
		fin,
		{Name: "silent client", Outcome: Incomplete},
		{Name: "half a hello", Segments: [][]byte{whole[:len(whole)/2]}, Outcome: Incomplete},
		refused("SSLv2-compatible hello", clienthello.SSLv2, sslv2Hello()),
		refused("plain HTTP", clienthello.PlainHTTP, []byte("GET / HTTP/1.1\r\nHost: "+Site+"\r\n\r\n")),
		refused("SSH", clienthello.NotTLS, []byte("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")),
	}
}

// sslv2Hello offers TLS 1.0 in the format of RFC 5246 appendix E.2.
func sslv2Hello() []byte {
	b := []byte{0x80, 0, 1, 3, 1, 0, 6, 0, 0, 0, 16, 0, 0, 0x2f, 0, 0, 0x35}
	b = append(b, filler(16, 12)...)
	b[1] = byte(len(b) - 2)
	return b
}

func bytewise(b []byte) [][]byte {
	all := make([][]byte, len(b))
	for i := range b {
		all[i] = b[i : i+1]
	}
	return all
}

func ones(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = 1
	}
	return all
}
