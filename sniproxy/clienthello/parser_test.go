package clienthello_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

const site = sniproxytest.Site

func TestInfo(t *testing.T) {
	var p clienthello.Parser
	var info clienthello.Info
	early := []byte("0-RTT")
	b := sniproxytest.Hello(site, sniproxytest.HelloOptions{ECH: true, EarlyData: early, Records: []int{100}, RecordVersion: 0x0300})
	status, err := p.Parse(b, &info)
	require.NoError(t, err)
	require.Equal(t, clienthello.Complete, status)
	require.Equal(t, site, string(info.ServerName))
	require.EqualValues(t, 0x0300, info.RecordVersion)
	require.EqualValues(t, 0x0303, info.LegacyVersion)
	require.EqualValues(t, 0x0303, info.MinVersion)
	require.EqualValues(t, 0x0304, info.MaxVersion)
	require.True(t, info.ECH)
	require.True(t, info.EarlyData)
	require.False(t, info.QUIC)
	require.Equal(t, 2, info.Records)
	require.Equal(t, info.Size+2*5, info.Wire)
	require.Equal(t, len(early)+5, len(b)-info.Wire, "what follows is early data")
	require.Equal(t, []string{"h2", "http/1.1"}, protocols(&info))
	require.True(t, info.HasALPN("h2"))
	require.False(t, info.HasALPN("h3"))

	// A smaller hello leaves nothing of the larger one behind.
	status, err = p.Parse(sniproxytest.Hello("", sniproxytest.HelloOptions{TLS12: true, ALPN: []string{}}), &info)
	require.NoError(t, err)
	require.Equal(t, clienthello.Complete, status)
	require.Nil(t, info.ServerName)
	require.False(t, info.ECH || info.EarlyData)
	require.Empty(t, protocols(&info))
	require.Equal(t, 1, info.Records)
	require.EqualValues(t, 0x0303, info.MaxVersion)
}

func protocols(info *clienthello.Info) (all []string) {
	for p := range info.ALPN {
		all = append(all, string(p))
	}
	return all
}

// TestNoExtensions: TLS 1.0 to 1.2 may end behind the compression methods.
func TestNoExtensions(t *testing.T) {
	body := append([]byte{3, 1}, make([]byte, 32)...)
	body = append(body, 0, 0, 2, 0, 0x2f, 1, 0)
	message := append([]byte{1, 0, 0, byte(len(body))}, body...)
	b := append([]byte{22, 3, 1, 0, byte(len(message))}, message...)
	var p clienthello.Parser
	var info clienthello.Info
	status, err := p.Parse(b, &info)
	require.NoError(t, err)
	require.Equal(t, clienthello.Complete, status)
	require.Nil(t, info.ServerName)
	require.EqualValues(t, 0x0301, info.MinVersion)
	require.EqualValues(t, 0x0301, info.MaxVersion)
}

// TestEverySplit cuts a hello in two segments everywhere, and a hello in two
// records everywhere.
func TestEverySplit(t *testing.T) {
	whole := sniproxytest.Hello(site, sniproxytest.HelloOptions{Pad: 60})
	require.Greater(t, len(whole), 1460, "larger than a segment")
	var info clienthello.Info
	for at := 1; at < len(whole); at++ {
		var p clienthello.Parser
		status, err := p.Parse(whole[:at], &info)
		require.NoError(t, err)
		require.Equal(t, clienthello.NeedMore, status)
		status, err = p.Parse(whole, &info)
		require.NoError(t, err)
		require.Equal(t, clienthello.Complete, status)
		require.Equal(t, site, string(info.ServerName), at)
	}
	for at := 1; at < len(whole)-5; at++ {
		var p clienthello.Parser
		two := sniproxytest.Hello(site, sniproxytest.HelloOptions{Pad: 60, Records: []int{at}})
		status, took, err := arrive(&p, two, 700, &info)
		require.NoError(t, err)
		require.Equal(t, clienthello.Complete, status)
		require.Equal(t, len(two), took)
		require.Equal(t, site, string(info.ServerName), at)
		require.Equal(t, 2, info.Records)
	}
}

func TestRecordBudget(t *testing.T) {
	ones := sniproxytest.HelloOptions{Records: []int{1}, Repeat: true}
	b := sniproxytest.Hello(site, ones)
	records := len(b) / 6
	for _, tc := range []struct {
		name   string
		limits clienthello.Limits
		want   clienthello.Reason
	}{
		{name: "within the defaults"},
		{name: "exactly as many records", limits: clienthello.Limits{Records: records}},
		{name: "one record too many", limits: clienthello.Limits{Records: records - 1}, want: clienthello.TooManyRecords},
		{name: "message as large as allowed, headers too long", limits: clienthello.Limits{Max: records}, want: clienthello.TooLarge},
		{name: "message larger than allowed", limits: clienthello.Limits{Max: records - 1}, want: clienthello.TooLarge},
		{name: "headers within the limit", limits: clienthello.Limits{Max: 3 * records}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := clienthello.Parser{Limits: tc.limits}
			var info clienthello.Info
			status, took, err := arrive(&p, b, 1, &info)
			if tc.want == 0 {
				require.NoError(t, err)
				require.Equal(t, clienthello.Complete, status)
				require.Equal(t, records, info.Records)
				return
			}
			require.Equal(t, clienthello.Malformed, status)
			var e *clienthello.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tc.want, e.Reason)
			require.LessOrEqual(t, took, tc.limits.Wire()+5)
		})
	}
}

// TestWire: a buffer of Limits.Wire holds every hello that passes, and a parser
// that wants more than it has been refused by then.
func TestWire(t *testing.T) {
	for _, l := range []clienthello.Limits{{}, {Max: 600}, {Max: 1 << 16}, {Max: 1 << 30}, {Max: -1}} {
		p := clienthello.Parser{Limits: l}
		var info clienthello.Info
		promised := l.Wire()/2 - 4 // as much as allowed, and byte by byte in records
		endless := append(make([]byte, 0, l.Wire()), 1, byte(promised>>16), byte(promised>>8), byte(promised))
		var b []byte
		for _, content := range endless[:cap(endless)] {
			b = append(b, 22, 3, 1, 0, 1, content)
		}
		status, took, err := arrive(&p, b, 1, &info)
		require.Equal(t, clienthello.Malformed, status)
		require.ErrorContains(t, err, "larger than allowed")
		require.LessOrEqual(t, took, l.Wire()+5)
	}
	require.Equal(t, 2*16384, clienthello.Limits{}.Wire())
	require.Equal(t, 2*65536, clienthello.Limits{Max: 1 << 30}.Wire())
}

// TestParserIsReusable: after an outcome the next connection begins, whatever
// the last one left.
func TestParserIsReusable(t *testing.T) {
	var p clienthello.Parser
	var info clienthello.Info
	for _, c := range append(sniproxytest.Corpus(), sniproxytest.Corpus()...) {
		p.Limits.Max = c.Max
		status, _, err := arrive(&p, c.Bytes(), 1000, &info)
		if c.Outcome == sniproxytest.Incomplete {
			p = clienthello.Parser{}
			continue
		}
		requireOutcome(t, c, status, &info, err)
	}
}

func TestParseMessage(t *testing.T) {
	message := sniproxytest.HelloMessage(site, sniproxytest.HelloOptions{QUIC: []byte{1, 2, 3}, ALPN: []string{"h3"}})
	var p clienthello.Parser
	var info clienthello.Info
	for n := range message {
		status, err := p.ParseMessage(message[:n], &info)
		require.NoError(t, err)
		require.Equal(t, clienthello.NeedMore, status)
	}
	status, err := p.ParseMessage(append(slices.Clone(message), 9, 9), &info)
	require.NoError(t, err)
	require.Equal(t, clienthello.Complete, status)
	require.Equal(t, site, string(info.ServerName))
	require.True(t, info.QUIC)
	require.True(t, info.HasALPN("h3"))
	require.Equal(t, len(message), info.Size)
	require.Equal(t, len(message), info.Wire)
	require.Zero(t, info.RecordVersion)

	for _, tc := range []struct {
		b    []byte
		want clienthello.Reason
	}{
		{[]byte{2}, clienthello.NotClientHello},
		{[]byte{1, 1, 0, 0}, clienthello.TooLarge},
		{[]byte{1, 0, 0, 0}, clienthello.Truncated},
	} {
		status, err := p.ParseMessage(tc.b, &info)
		require.Equal(t, clienthello.Malformed, status)
		var e *clienthello.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, tc.want, e.Reason)
	}
}

// TestForeign: other protocols are told apart as soon as they can be.
func TestForeign(t *testing.T) {
	for _, tc := range []struct {
		b      string
		reason clienthello.Reason // 0: more is needed
	}{
		{"G", 0},
		{"GET", 0},
		{"GET ", clienthello.PlainHTTP},
		{"GEX", clienthello.NotTLS},
		{"P", 0},
		{"PRI * HTTP/2.0", clienthello.PlainHTTP},
		{"PROXY TCP4 ", clienthello.NotTLS},
		{"\x00\x00\x00\x08\x04\xd2\x16\x2f", clienthello.NotTLS},
		{"\x17\x03\x01", clienthello.NotTLS},
		{"\x15\x03\x01\x00\x02\x01\x00", clienthello.NotTLS},
		{"\x80", 0},
		{"\x80\x2e\x01", clienthello.SSLv2},
		{"\x80\x2e\x04", clienthello.NotTLS},
		{"\x16", 0},
		{"\x16\x03", 0},
		{"\x16\x04", clienthello.RecordVersion},
		{"\x16\x03\x01\x00\x00", clienthello.RecordEmpty},
		{"\x16\x03\x01\x40\x01", clienthello.RecordTooLong},
		{"\x16\x03\x01\x40\x00", 0},
	} {
		var p clienthello.Parser
		var info clienthello.Info
		status, err := p.Parse([]byte(tc.b), &info)
		if tc.reason == 0 {
			require.NoError(t, err, "%q", tc.b)
			require.Equal(t, clienthello.NeedMore, status, "%q", tc.b)
			continue
		}
		var e *clienthello.Error
		require.ErrorAs(t, err, &e, "%q", tc.b)
		require.Equal(t, tc.reason, e.Reason, "%q", tc.b)
	}
}

func TestErrors(t *testing.T) {
	require.Equal(t, [7]byte{21, 3, 1, 0, 2, 2, 112}, clienthello.Alert(clienthello.AlertUnrecognizedName))
	seen := map[string]bool{}
	for r := clienthello.NotTLS; r <= clienthello.IPLiteral; r++ {
		require.NotEmpty(t, r.String())
		require.False(t, seen[r.String()], "%s twice", r)
		seen[r.String()] = true
	}
	require.Equal(t, "unknown reason", clienthello.Reason(0).String())
	require.Equal(t, "unknown reason", (clienthello.IPLiteral + 1).String())
}
