package sniproxy_test

import (
	"testing"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

func TestPortable(t *testing.T) {
	sniproxytest.Conformance(t, func(s *sniproxy.Server) { s.Engine = sniproxy.Portable })
}
