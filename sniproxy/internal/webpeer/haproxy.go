package webpeer

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// HAProxy starts HAProxy as a server. Each listener answers with the client's
// address and port and the proxy's, then authority and unique ID of the PROXY
// header, empty where there is none. The output is the log.
func HAProxy(t testing.TB) *Server {
	t.Helper()
	s := &Server{Program: "HAProxy", Listeners: four(t)}
	var config strings.Builder
	for i, l := range s.Listeners {
		options := ""
		if l.Proxy {
			options += " accept-proxy"
		}
		if l.TLS {
			options += " ssl crt DIR/both.pem"
		}
		fmt.Fprintf(&config, "frontend f%d\n  bind %v%s\n  http-request return status 200 content-type text/plain lf-string \"%s\"\n", i, l.Addr, options, haproxyAnswer)
	}
	s.haproxy(t, config.String())
	return s
}

// HAProxyWith starts HAProxy with the frontends and backends of a configuration,
// in which DIR stands for a folder with cert.pem, key.pem and both.pem, and waits
// until it listens at the addresses.
func HAProxyWith(t testing.TB, config string, listeners ...Listener) *Server {
	t.Helper()
	s := &Server{Program: "HAProxy", Listeners: listeners}
	s.haproxy(t, config)
	return s
}

func (s *Server) haproxy(t testing.TB, config string) {
	t.Helper()
	dir := folder(t)
	name := filepath.Join(dir, "haproxy.cfg")
	write(t, name, strings.ReplaceAll(haproxyHead+config, "DIR", dir))
	s.start(t, "haproxy", "-db", "-f", name)
}

const haproxyAnswer = "%[src] %[src_port] %[dst] %[dst_port] %[fc_pp_authority] %[fc_pp_unique_id]"

const haproxyHead = `
global
  maxconn 100
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  option dontlognull
  timeout client 60s
  timeout server 60s
  timeout connect 60s
`
