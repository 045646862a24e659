package sniproxy_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

func TestPortable(t *testing.T) {
	sniproxytest.Conformance(t, func(s *sniproxy.Server) { s.Engine = sniproxy.Portable; s.Dial = seqDial })
}

func seqDial(ctx context.Context, cands []netip.AddrPort, o backend.DialOptions) (c net.Conn, err error) {
	for _, a := range cands {
		if err = o.Guard.Check(a); err != nil {
			continue
		}
		start := time.Now()
		c, err = net.Dial("tcp", a.String())
		o.Report(a, err, time.Since(start))
		if err == nil {
			return c, nil
		}
	}
	return nil, err
}
