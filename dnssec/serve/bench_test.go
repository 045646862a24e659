package serve_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/bench/zonegen"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
	"github.com/stretchr/testify/require"
)

// hosting is a signed zone, in memory as it is after it was read from its file.
func hosting(b *testing.B, names int) *dnssec.Zone {
	var unsigned strings.Builder
	require.NoError(b, zonegen.Write(&unsigned, zonegen.Options{Profile: "hosting", Origin: origin + ".", Names: names}))
	z, err := dnssec.ParseZone(strings.NewReader(unsigned.String()), origin, dnssec.Options{})
	require.NoError(b, err)
	signer := dnssec.Signer{BatchECDSA: true}
	z, _, err = signer.Sign(b.Context(), z, nil, csk(b), time.Now())
	require.NoError(b, err)
	z, err = dnssec.ParseZone(strings.NewReader(text(z)), origin, dnssec.Options{})
	require.NoError(b, err)
	return z
}

// A whole zone, with its signatures and by TSIG, to a client that counts its records
// and no more.
func BenchmarkAXFR(b *testing.B) {
	k := xfrKey(b)
	z := hosting(b, 20_000)
	s := &serve.Server{Keys: []serve.Key{k}, Default: withKey(k)}
	require.NoError(b, s.Publish(b.Context(), z))
	addr, buf := start(b, s), make([]byte, 1<<16)
	for b.Loop() {
		m := new(dns.Msg).SetAxfr(origin+".").SetTsig("xfr.example.", dns.HmacSHA256, 300, time.Now().Unix())
		raw, _, err := dns.TsigGenerate(m, secret64, "", false)
		require.NoError(b, err)
		c, err := net.Dial("tcp", addr.String())
		require.NoError(b, err)
		_, err = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...))
		require.NoError(b, err)
		in := bufio.NewReaderSize(c, 1<<18)
		for got := 0; got <= z.Records(); got += int(binary.BigEndian.Uint16(buf[6:])) {
			_, err := io.ReadFull(in, buf[:2])
			require.NoError(b, err)
			_, err = io.ReadFull(in, buf[:binary.BigEndian.Uint16(buf)])
			require.NoError(b, err)
		}
		require.NoError(b, c.Close())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(z.Records()), "ns/record")
}
