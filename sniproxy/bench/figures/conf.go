package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// write writes a configuration, with the lab's words in it.
func (l *lab) write(name, text string, words ...string) string {
	path := filepath.Join(l.dir, name)
	words = append(words, "DIR", l.dir, "SITE", site, "FRONTHTTP", frontHTTP, "FRONT", front, "WEB", webServer)
	text = strings.NewReplacer(words...).Replace(text)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		panic(err) // a folder of our own
	}
	return path
}

func nginxArgs(conf, dir string) []string {
	return []string{"nginx", "-e", filepath.Join(dir, "nginx.err"), "-c", conf}
}

// command is how a proxy is started. All have two workers, timers of the same
// length and no access log.
func (l *lab) command(name, server string, http bool) ([]string, error) {
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		return nil, err
	}
	switch name {
	case "ours", "portable":
		return l.oursCommand(name, host, port, http)
	case "nginx":
		text := nginxStream
		if http {
			text = nginxHTTP
		}
		return nginxArgs(l.write("nginx.conf", text, "SERVER", server), l.dir), nil
	case "haproxy":
		text := haproxyTCP
		if http {
			text = haproxyHTTP
		}
		return []string{"haproxy", "-db", "-f", l.write("haproxy.cfg", text, "SERVER", server)}, nil
	}
	return nil, fmt.Errorf("no proxy is called %q", name)
}

func (l *lab) oursCommand(name, host, port string, http bool) ([]string, error) {
	engine := "auto"
	if name == "portable" {
		engine = "portable"
	}
	listen, ports := `tls = ["FRONT"]`, "tls_port = PORT\nhttp_port = -1"
	if http {
		listen, ports = `http = ["FRONTHTTP"]`, "tls_port = -1\nhttp_port = 9080"
		port = "9080"
	}
	routes := l.write("routes.toml", "[[site]]\nnames = [\"SITE\"]\n"+ports+"\n[[site.backend]]\naddr = \"HOST\"\n", "HOST", host, "PORT", port)
	conf := l.write("sniproxyd.toml", listen+oursConf, "ENGINE", engine, "ROUTES", routes, "PORT", port)
	return []string{l.ours, "-config", conf, "-debug", "unix:" + filepath.Join(l.dir, "debug")}, nil
}

const oursConf = `
routes = "ROUTES"
engine = "ENGINE"
shards = 2
[guard]
allow = ["::1/128"]
loopback = true
ports = [PORT]
[limits.client]
conns = 15000
[limits.site]
conns = 15000
[limits.total]
conns = 15000
`

const originConf = `
daemon off; worker_processes 2; pid DIR/origin.pid; error_log DIR/origin.err warn;
worker_rlimit_nofile 20000;
events { worker_connections 9000; }
http {
  access_log off; keepalive_requests 1000000; keepalive_timeout 300s;
  ssl_certificate DIR/cert.pem; ssl_certificate_key DIR/key.pem;
  ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets off; ssl_session_cache off;
  server { listen [::1]:9443 ssl; listen [::1]:9080; location = /s { return 200 "ok\n"; } }
}
`

const nginxStream = `
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; worker_processes 2; pid DIR/stream.pid; error_log DIR/stream.err warn;
worker_rlimit_nofile 20000;
events { worker_connections 9900; multi_accept on; }
stream {
  map $ssl_preread_server_name $be { hostnames; SITE "SERVER"; default "[::1]:1"; }
  preread_timeout 5s; proxy_connect_timeout 5s; proxy_timeout 300s; tcp_nodelay on; access_log off;
  server { listen FRONT reuseport backlog=4096; ssl_preread on; proxy_pass $be; proxy_half_close on; }
}
`

const nginxHTTP = `
daemon off; worker_processes 2; pid DIR/http.pid; error_log DIR/http.err warn;
events { worker_connections 2000; }
http {
  access_log off; keepalive_requests 1000000;
  upstream b { server WEB; keepalive 64; keepalive_requests 1000000; }
  server { listen FRONTHTTP reuseport; server_name SITE;
    location / { proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } }
}
`

const haproxyTCP = `
global
  maxconn 9000
  maxpipes 500
  nbthread 2
  tune.maxaccept 64
defaults
  mode tcp
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  option splice-auto
frontend f
  bind FRONT
  tcp-request inspect-delay 5s
  tcp-request content accept if { req.ssl_hello_type 1 }
  tcp-request content reject
  use_backend b if { req.ssl_sni -i SITE }
backend b
  server s SERVER
`

const haproxyHTTP = `
global
  maxconn 2000
  nbthread 2
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option forwardfor
frontend f
  bind FRONTHTTP
  use_backend b if { req.hdr(host),field(1,:) -i SITE }
backend b
  server s WEB
`
