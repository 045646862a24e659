package serve_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
	"github.com/mythic-beasts/hostkit/internal/memnet"
	"github.com/stretchr/testify/require"
)

// script is a primary that answers with words, of which "|" ends a message: S2 is an
// SOA of serial 2, T2 another one, O2 that of another zone, N an NS record, h1 a host,
// x one out of the zone. It refuses what it has no words for.
type script struct{ ixfr, axfr string }

func record(word string) dns.RR {
	text := word + "." + origin + ". 60 A 192.0.2.1"
	switch word[0] {
	case 'S':
		text = origin + ". 60 SOA ns h " + word[1:] + " 2 3 4 5"
	case 'T':
		text = origin + ". 60 SOA other h " + word[1:] + " 2 3 4 5"
	case 'O':
		text = "other. 60 SOA ns h " + word[1:] + " 2 3 4 5"
	case 'N':
		text = origin + ". 60 NS ns"
	case 'x':
		text = "x. 60 A 192.0.2.1"
	}
	rr, err := dns.NewRR(text)
	if err != nil {
		panic(err)
	}
	return rr
}

// zoneOf is the zone of words, nil if they are none.
func zoneOf(words []string) *dnssec.Zone {
	var rrs []dns.RR
	for _, w := range words {
		rrs = append(rrs, record(w))
	}
	z, err := dnssec.NewZone(origin, rrs, dnssec.Options{})
	if err != nil || len(words) == 0 {
		return nil
	}
	return z
}

func (s script) dial(context.Context, string, string) (net.Conn, error) {
	here, there := memnet.Pipe(netip.MustParseAddrPort("192.0.2.2:5300"), netip.MustParseAddrPort("192.0.2.1:53"))
	go func() {
		defer there.Close()
		s.answer(there)
	}()
	return here, nil
}

func (s script) answer(c net.Conn) {
	raw := make([]byte, 1<<16)
	if _, err := io.ReadFull(c, raw[:2]); err != nil {
		return
	}
	raw = raw[:binary.BigEndian.Uint16(raw)]
	q := new(dns.Msg)
	if _, err := io.ReadFull(c, raw); err != nil || q.Unpack(raw) != nil {
		return
	}
	words := s.axfr
	if q.Question[0].Qtype == dns.TypeIXFR {
		words = s.ixfr
	}
	m := new(dns.Msg).SetRcode(q, dns.RcodeRefused)
	for message := range strings.SplitSeq(words, "|") {
		if words != "" {
			m = new(dns.Msg).SetReply(q)
		}
		for w := range strings.FieldsSeq(message) {
			m.Answer = append(m.Answer, record(w))
		}
		out, err := m.Pack()
		if err != nil {
			return
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)); err != nil {
			return
		}
	}
}

var had = []string{"S1", "N", "h1", "h2"}

// What a primary sends is taken if it is whole and fits, and nothing otherwise.
func TestTransfersTaken(t *testing.T) {
	have := zoneOf(had)
	for words, want := range map[string]string{
		"S2 S1 h1 S2 h3 S2":                       "S2 N h2 h3",
		"S2 S1 S2 S2":                             "S2 N h1 h2",
		"S3 S1 h1 S2 h3 S2 h3 S3 h4 S3":           "S3 N h2 h4",
		"S3 | S1 | h1 S2 | h3 S2 h3 | S3 h4 | S3": "S3 N h2 h4",
		"S3 S1 h1 S2 S2 S3 h1 S3":                 "S3 N h1 h2",
		"S5 N h9 S5":                              "S5 N h9",
		"S5 | N | h9 | S5":                        "S5 N h9",
		"S5 N h9 S5 | h7":                         "S5 N h9", // of another message, which is not read
		"S1":                                      "",
		"S0":                                      "",
		"S1 N S1":                                 "",
		"S0 S1 h1 S0 S0":                          "",
	} {
		got, err := serve.Fetch(t.Context(), origin, have, serve.Primary{Dial: script{ixfr: words}.dial}, serve.FetchLimits{})
		require.NoError(t, err, words)
		if want == "" {
			require.Same(t, have, got, words)
			continue
		}
		require.Equal(t, text(zoneOf(strings.Fields(want))), text(got), words)
	}
}

func TestTransfersRefused(t *testing.T) {
	have := zoneOf(had)
	for words, want := range map[string]string{
		"N S2":                     "the first record is no SOA",
		"O2 N O2":                  "an SOA record is of another zone",
		"S2 O1 h1 S2":              "an SOA record is of another zone",
		"S2 S1 h9 S2 h3 S2":        "h9.example.test.",
		"S2 T1 h1 S2 h3 S2":        "SOA",
		"S2 S1 S2 h1 S2":           "add a record that is there",
		"S2 S1 h1 S2 h3 h3 S2":     "add a record that is there",
		"S2 S1 h1 S2 h3 S2 h5":     "behind the last one",
		"S2 N h1 S2 h5":            "behind the last one",
		"S3 S2 h1 S3 h3 S3":        "begin at serial 2, and not at 1",
		"S3 S1 h1 S2 h3 S3":        "begin at serial 3, and not at 2",
		"S4 S1 S2 S3 S4 S4":        "begin at serial 3, and not at 2",
		"S2 N h1 S3":               "the last SOA has serial 3, and the first 2",
		"S2 N h1":                  "the connection ended before the transfer",
		"S2 S1 h1 S2 h3":           "the connection ended before the transfer",
		"S2 | | N S2":              "a message has no records",
		"S2 N x S2":                "x.",
		"S2 S1 S2 x S2":            "x.",
		"":                         "REFUSED",
		"S2 N h1 h2 h3 h4 h5 h6 S": "more than 7 records",
	} {
		from := serve.Primary{Dial: script{ixfr: strings.TrimSuffix(words, " S")}.dial}
		got, err := serve.Fetch(t.Context(), origin, have, from, serve.FetchLimits{Records: 7})
		require.ErrorContains(t, err, "of the changes: ", words)
		require.ErrorContains(t, err, want, words)
		require.ErrorContains(t, err, "of the whole zone: the server says REFUSED", words)
		require.Nil(t, got)
		from = serve.Primary{Dial: script{ixfr: strings.TrimSuffix(words, " S"), axfr: "S7 N h7 S7"}.dial}
		got, err = serve.Fetch(t.Context(), origin, have, from, serve.FetchLimits{Records: 7})
		require.NoError(t, err, "all of it instead")
		require.Equal(t, text(zoneOf([]string{"S7", "N", "h7"})), text(got))
		from = serve.Primary{Dial: script{ixfr: strings.TrimSuffix(words, " S"), axfr: "S1 N h7 S1"}.dial}
		_, err = serve.Fetch(t.Context(), origin, have, from, serve.FetchLimits{Records: 7})
		require.ErrorContains(t, err, "which is not after 1", words)
	}
	for words, want := range map[string]string{"S2 S1 h1 S2 S2": "the last SOA has serial 1", "S2 S2": "", "S2": "ended", "h1": "no SOA", "": "REFUSED"} {
		got, err := serve.Fetch(t.Context(), origin, nil, serve.Primary{Dial: script{axfr: words}.dial}, serve.FetchLimits{})
		if want == "" {
			require.NoError(t, err)
			require.Equal(t, 1, got.Records())
			continue
		}
		require.ErrorContains(t, err, want, words)
	}
	_, err := serve.Fetch(t.Context(), origin, nil, serve.Primary{Dial: script{axfr: "S2 N h1 S2"}.dial}, serve.FetchLimits{Bytes: 20})
	require.ErrorContains(t, err, "more than 20 octets")
}

// vocabulary is what FuzzTransfer makes transfers of.
var vocabulary = strings.Fields("S0 S1 S2 S3 S4 T1 T2 O2 N h1 h2 h3 h4 x | S1 S2 S2 |")

// Whatever is taken is what the words say, by a reader that has all of them at once.
func FuzzTransfer(f *testing.F) {
	for _, words := range []string{"S2 S1 h1 S2 h3 S2", "S3 S1 h1 S2 h3 S2 h3 S3 h4 S3", "S4 N h4 S4", "S2 | S1 T2 S2"} {
		var data []byte
		for w := range strings.FieldsSeq(words) {
			data = append(data, byte(slices.Index(vocabulary, w)))
		}
		f.Add(data)
	}
	have := zoneOf(had)
	f.Fuzz(func(t *testing.T, data []byte) {
		var words []string
		for _, b := range data[:min(len(data), 60)] {
			words = append(words, vocabulary[int(b)%len(vocabulary)])
		}
		if len(words) == 0 {
			return
		}
		z, err := serve.Fetch(t.Context(), origin, have, serve.Primary{Dial: script{ixfr: strings.Join(words, " ")}.dial}, serve.FetchLimits{})
		switch {
		case err != nil:
			return
		case z == have:
			require.Contains(t, []string{"S0", "S1", "T1"}, words[0])
			return
		}
		var read []string
		var possible []string
		for _, w := range append(words, "|") {
			if w != "|" {
				read = append(read, w)
				continue
			}
			if set := zoneOf(meaning(read)); set != nil {
				possible = append(possible, text(set))
			}
		}
		require.Contains(t, possible, text(z), fmt.Sprint(words))
	})
}

// meaning is the zone after a transfer to somebody who had the zone had; nil if it has
// none. The first word is its SOA.
func meaning(words []string) []string {
	isSOA := func(w string) bool { return w[0] == 'S' || w[0] == 'T' }
	if len(words) < 2 || !isSOA(words[0]) || !isSOA(words[len(words)-1]) || words[len(words)-1][1:] != words[0][1:] {
		return nil
	}
	body := words[1 : len(words)-1]
	if len(body) == 0 || !isSOA(body[0]) || body[0][1:] == words[0][1:] {
		if slices.ContainsFunc(body, isSOA) {
			return nil
		}
		return append([]string{words[0]}, body...)
	}
	set := slices.Clone(had)
	for len(body) > 0 {
		if body[0][1:] != set[0][1:] { // from what there is
			return nil
		}
		for i := range 2 { // what is removed, and what is added
			end := 1 + slices.IndexFunc(append(slices.Clone(body[1:]), "S9"), isSOA)
			for _, w := range body[:end] {
				at := slices.Index(set, w)
				if (at >= 0) != (i == 0) || w == "x" || w[0] == 'O' {
					return nil
				}
				if i == 0 {
					set = slices.Delete(set, at, at+1)
				} else if isSOA(w) {
					set = slices.Insert(set, 0, w)
				} else {
					set = append(set, w)
				}
			}
			if body = body[end:]; i == 0 && len(body) == 0 {
				return nil
			}
		}
	}
	if set[0][1:] != words[0][1:] {
		return nil
	}
	return set
}
