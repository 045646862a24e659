package probe_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/sniproxy/probe"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/stretchr/testify/require"
)

func TestAdvise(t *testing.T) {
	const off, v1, v2 = proxyheader.Off, proxyheader.V1, proxyheader.V2
	cases := []struct {
		verdict    probe.Verdict
		setting    proxyheader.Version
		ok         bool
		says       string
		remedy     string
		showsNginx string // what to search for, "" if no line is named
	}{
		{probe.ExpectsNone, off, true, "fits", "", ""},
		{probe.ExpectsNone, v1, false, "answers 400", "off at the proxy", `"PROXY TCP`},
		{probe.ExpectsNone, v2, false, "version 2 all the same", "RemoteIPProxyProtocol On", `"\x00" 400`},
		{probe.ExpectsV1, off, false, "sends none", "to v1 at the proxy", `broken header: "`},
		{probe.ExpectsV1, v1, true, "fits", "", ""},
		{probe.ExpectsV1, v2, false, "sends version 2", "to v1 at the proxy", `broken header: "`},
		{probe.ExpectsV2, off, false, "sends none", "to v2 at the proxy", `broken header: "`},
		{probe.ExpectsV2, v1, false, "sends version 1", "to v2 at the proxy", `broken header: "`},
		{probe.ExpectsV2, v2, true, "fits", "", ""},
		{probe.ExpectsAny, off, false, "closes each connection", "take proxy_protocol out", `broken header: "`},
		{probe.ExpectsAny, v1, true, "fits", "", ""},
		{probe.ExpectsAny, v2, true, "fits", "", ""},
		{probe.Optional, off, true, "any client", "", ""},
		{probe.Optional, v1, true, "any client", "", ""},
		{probe.Optional, v2, true, "any client", "", ""},
	}
	for _, c := range cases {
		for _, proto := range []probe.Protocol{probe.HTTP, probe.TLS} {
			r := &probe.Report{Addr: netip.MustParseAddrPort("[2001:db8::1]:80"), Protocol: proto, Verdict: c.verdict}
			t.Run(strings.Join([]string{c.verdict.String(), c.setting.String(), proto.String()}, " "), func(t *testing.T) {
				a := r.Advise(c.setting)
				require.Equal(t, c.ok, a.OK)
				require.Equal(t, c.ok, c.verdict.Accepts(c.setting))
				if proto == probe.HTTP || c.says != "answers 400" {
					require.Contains(t, a.Text, c.says)
				} else {
					require.Contains(t, a.Text, "wrong version number")
				}
				require.Equal(t, c.ok, len(a.Remedies) == 0)
				require.Equal(t, c.ok, len(a.Logs) == 0)
				if c.ok {
					return
				}
				require.Contains(t, strings.Join(a.Remedies, "\n"), c.remedy)
				i := slices.IndexFunc(a.Logs, func(l probe.LogLine) bool { return l.Program == "nginx" })
				require.Equal(t, c.showsNginx, a.Logs[i].Find)
				for _, l := range a.Logs {
					require.Contains(t, l.Example, l.Find)
				}
			})
		}
	}
}

// What the advice says about logs is what Explain reads in them.
func TestExplainKnowsTheLogLines(t *testing.T) {
	for _, proto := range []probe.Protocol{probe.HTTP, probe.TLS} {
		for _, expects := range []bool{false, true} {
			for _, sent := range []proxyheader.Version{proxyheader.Off, proxyheader.V1, proxyheader.V2} {
				lines := probe.LogLines(proto, expects, sent)
				require.Equal(t, !expects && sent == proxyheader.Off, len(lines) == 0)
				for _, l := range lines {
					example := l.Example
					if strings.Contains(l.Log, "access") {
						example = `::1 - - [26/Nov/2026:08:33:30 +0000] ` + example + ` 157 "-" "-"`
					}
					d, ok := probe.Explain(example)
					require.True(t, ok, "%+v", l)
					require.Equal(t, l.Program, d.Program, "%+v: %+v", l, d)
					switch {
					case expects && sent == proxyheader.Off:
						require.Equal(t, probe.Missing, d.Fault, "%+v", l)
					case !expects:
						require.Contains(t, []probe.Fault{probe.Unexpected, probe.NotTLS}, d.Fault, "%+v", l)
					}
				}
			}
		}
	}
}

func TestVerdictText(t *testing.T) {
	var all []string
	for v := probe.Unclear; v <= probe.Unreachable; v++ {
		text, err := v.MarshalText()
		require.NoError(t, err)
		all = append(all, string(text))
	}
	require.Equal(t, "unclear none v1 v2 any optional unreachable", strings.Join(all, " "))
	require.Equal(t, "Verdict(9) Outcome(9) Protocol(9) Fault(9)", strings.Join([]string{
		probe.Verdict(9).String(), probe.Outcome(9).String(), probe.Protocol(9).String(), probe.Fault(9).String(),
	}, " "))
}
