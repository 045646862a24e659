package webpeer

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
)

// Nginx starts nginx. Each listener answers with the client's address and port
// and the proxy's, from the PROXY header if there is one; the logs have their
// default levels and formats.
func Nginx(t testing.TB) *Server {
	t.Helper()
	listeners := four(t)
	var servers strings.Builder
	for _, l := range listeners {
		options, answer := "", "$remote_addr $remote_port $server_addr $server_port"
		if l.TLS {
			options += " ssl"
		}
		if l.Proxy {
			options += " proxy_protocol"
			answer = "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port"
		}
		fmt.Fprintf(&servers, "server { listen %v%s; location / { return 200 \"%s\"; } }\n", l.Addr, options, answer)
	}
	return NginxWith(t, servers.String(), listeners...)
}

// NginxWith starts nginx with the servers of a configuration, in which DIR stands
// for a folder with cert.pem and key.pem, and waits until it listens at the
// addresses.
func NginxWith(t testing.TB, config string, listeners ...Listener) *Server {
	t.Helper()
	dir := folder(t)
	s := &Server{Program: "nginx", Listeners: listeners, files: []string{filepath.Join(dir, "access.log"), filepath.Join(dir, "error.log")}}
	write(t, filepath.Join(dir, "nginx.conf"), strings.ReplaceAll(nginxHead+config+"}\n", "DIR", dir))
	s.start(t, "nginx", "-p", dir, "-c", "nginx.conf", "-e", filepath.Join(dir, "error.log"))
	return s
}

const nginxHead = `
daemon off;
master_process off;
pid DIR/pid;
error_log DIR/error.log;
events { worker_connections 256; }
http {
access_log DIR/access.log;
client_body_temp_path DIR/body;
proxy_temp_path DIR/proxy;
fastcgi_temp_path DIR/fastcgi;
uwsgi_temp_path DIR/uwsgi;
scgi_temp_path DIR/scgi;
ssl_certificate DIR/cert.pem;
ssl_certificate_key DIR/key.pem;
`

// NginxStream starts nginx with its stream module: one listener that requires a
// PROXY header, reads no more, and answers with the addresses in it.
func NginxStream(t testing.TB) *Server {
	t.Helper()
	dir := folder(t)
	s := &Server{Program: "nginx", Listeners: []Listener{{Addr: FreePorts(t, netip.IPv6Loopback(), 1)[0], Proxy: true}}, files: []string{filepath.Join(dir, "error.log")}}
	write(t, filepath.Join(dir, "nginx.conf"), strings.ReplaceAll(fmt.Sprintf(nginxStream, s.Listeners[0].Addr), "DIR", dir))
	s.start(t, "nginx", "-p", dir, "-c", "nginx.conf", "-e", filepath.Join(dir, "error.log"))
	return s
}

const nginxStream = `
daemon off;
master_process off;
pid DIR/pid;
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
events { worker_connections 256; }
stream {
server {
	listen %v proxy_protocol;
	return "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port";
}
}
`
