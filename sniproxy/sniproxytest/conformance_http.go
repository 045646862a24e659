package sniproxytest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// http is the routing of requests.
func (c conformance) http(t *testing.T) {
	t.Run("each request goes to its own site", c.eachRequest)
	t.Run("connections to a backend are used again", c.reuse)
	t.Run("not behind the PROXY protocol", c.noReuse)
	t.Run("a kept connection that ended is replaced", c.staleBackend)
	t.Run("bodies of all kinds", c.bodies)
	t.Run("100-continue", c.expect)
	t.Run("websockets are tunnels", c.upgrade)
	t.Run("responses of the proxy's own", c.httpErrors)
	t.Run("who the client is", c.forwarded)
	t.Run("a response that is cut short", c.cutShort)
	t.Run("a request that goes in circles", c.httpLoop)
	t.Run("idle connections end with the server", c.httpShutdown)
	t.Run("many clients at once", c.httpMany)
}

func (c conformance) eachRequest(t *testing.T) {
	a, b := newOrigin(t, "a", nil, nil), newOrigin(t, "b", nil, nil)
	r := c.httpRig(t, a.route("a.example", sniproxy.Decision{}).and(b.route("b.example", sniproxy.Decision{})), nil)
	conn := r.dial(t)
	in := bufio.NewReader(conn)
	for i, host := range []string{"a.example", "b.example", "B.Example.", "a.example"} {
		_, body := ask(t, conn, in, fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: %s\r\n\r\n", i, host))
		if want := fmt.Sprintf("%s GET ", strings.ToLower(host[:1])); !strings.HasPrefix(body, want) {
			t.Errorf("got %q, want %q", body, want)
		}
	}
	// In one segment, and the second by its target.
	pipelined := "GET /x HTTP/1.1\r\nHost: a.example\r\n\r\nGET http://b.example/y HTTP/1.1\r\nHost: a.example\r\n\r\n"
	_, first := ask(t, conn, in, pipelined)
	_, second := response(t, in, "GET")
	if !strings.HasPrefix(first, "a GET") || !strings.HasPrefix(second, "b GET b.example /y") {
		t.Errorf("got %q and %q", first, second)
	}
	conn.Close()
	if rec := r.record(t); rec.Proto != sniproxy.HTTP || rec.Result != sniproxy.Routed {
		t.Errorf("the record says %+v", rec)
	}
	if s := r.server.Stats(); s.Requests != 6 || s.Sites["b.example"].Requests != 3 {
		t.Errorf("the counts are %+v", s)
	}
}

func (c conformance) reuse(t *testing.T) {
	o := newOrigin(t, "o", nil, nil)
	to := o.route(Site, sniproxy.Decision{})
	r := c.httpRig(t, to, nil)
	conn := r.dial(t)
	in := bufio.NewReader(conn)
	for range 10 {
		ask(t, conn, in, "GET / HTTP/1.1\r\nHost: "+Site+"\r\n\r\n")
	}
	if n := o.connections(); n != 1 {
		t.Errorf("%d connections for 10 requests", n)
	}
	conn.Close()
	r.record(t)
	if open, _ := to.sites[0].Backend.(*static).state(loopback(o.port)); open != 0 {
		t.Errorf("%d connections are open", open)
	}
}

func (c conformance) noReuse(t *testing.T) {
	wrap := func(l net.Listener) net.Listener {
		return &proxyheader.Listener{Listener: l, Trusted: []netip.Prefix{prefix("::1/128")}}
	}
	o := newOrigin(t, "o", wrap, nil)
	r := c.httpRig(t, o.route(Site, sniproxy.Decision{Proxy: proxyheader.V2}), nil)
	conn := r.dial(t)
	in := bufio.NewReader(conn)
	for range 3 {
		ask(t, conn, in, "GET / HTTP/1.1\r\nHost: "+Site+"\r\n\r\n")
	}
	if n := o.connections(); n != 3 {
		t.Errorf("%d connections for 3 requests", n)
	}
}

// staleBackend has a server that ends each connection after one response without
// saying so before.
func (c conformance) staleBackend(t *testing.T) {
	l, port := listen6(t)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			}()
		}
	}()
	r := c.httpRig(t, routeTo(Site, sniproxy.Decision{}, port), nil)
	conn := r.dial(t)
	in := bufio.NewReader(conn)
	for range 20 {
		status, body := ask(t, conn, in, "GET / HTTP/1.1\r\nHost: "+Site+"\r\n\r\n")
		if status != http.StatusOK || body != "ok" {
			t.Fatalf("got %d %q", status, body)
		}
	}
}

func (c conformance) bodies(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", fmt.Sprint(r.ContentLength))
		}
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(w, r.Body)
	})
	o := newOrigin(t, "o", nil, echo)
	r := c.httpRig(t, o.route(Site, sniproxy.Decision{}), nil)
	client := &http.Client{Transport: &http.Transport{
		Proxy:             nil,
		DisableKeepAlives: false,
	}}
	defer client.CloseIdleConnections()
	for _, size := range []int{0, 1, 70_000, 5 << 20} {
		for _, path := range []string{"/length", "/chunked"} {
			data := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
			for _, known := range []bool{true, false} {
				var body io.Reader = bytes.NewReader(data)
				if !known {
					body = io.MultiReader(body)
				}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.addr+path, body)
				if err != nil {
					t.Fatal(err)
				}
				req.Host = Site
				if path == "/length" && !known {
					continue
				}
				resp, err := client.Do(req)
				if err != nil {
					t.Fatalf("%s of %d bytes: %v", path, size, err)
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("%s of %d bytes: %d came back, %v", path, size, len(got), err)
				}
			}
		}
	}
}

func (c conformance) expect(t *testing.T) {
	o := newOrigin(t, "o", nil, nil)
	r := c.httpRig(t, o.route(Site, sniproxy.Decision{}), nil)
	conn := r.dial(t)
	in := bufio.NewReader(conn)
	request := "PUT /x HTTP/1.1\r\nHost: " + Site + "\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
	status, _ := ask(t, conn, in, request)
	if status != http.StatusContinue {
		t.Fatalf("got %d", status)
	}
	if _, body := ask(t, conn, in, "data"); !strings.HasSuffix(body, " 4") {
		t.Errorf("got %q", body)
	}
}

func (c conformance) upgrade(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello ")
		_, _ = io.Copy(conn, buf)
	})
	o := newOrigin(t, "o", nil, h)
	r := c.httpRig(t, o.route(Site, sniproxy.Decision{}), nil)
	conn := r.dial(t)
	in := bufio.NewReader(conn)
	status, _ := ask(t, conn, in, "GET /chat HTTP/1.1\r\nHost: "+Site+"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\nearly ")
	if status != http.StatusSwitchingProtocols {
		t.Fatalf("got %d", status)
	}
	if _, err := io.WriteString(conn, "and late"); err != nil {
		t.Fatal(err)
	}
	closeWrite(t, conn)
	got, err := io.ReadAll(in)
	if want := "hello early and late"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func (c conformance) httpErrors(t *testing.T) {
	o := newOrigin(t, "o", nil, nil)
	to := o.route(Site, sniproxy.Decision{}).and(routeTo("down.example", sniproxy.Decision{}, freePort(t)))
	r := c.httpRig(t, to, func(s *sniproxy.Server) { s.Timeouts.Hello = time.Second })
	for _, test := range []struct {
		name, request string
		status        int
	}{
		{"unknown", "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n", 421},
		{"an address", "GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", 421},
		{"no host", "GET / HTTP/1.0\r\n\r\n", 421},
		{"down", "GET / HTTP/1.1\r\nHost: down.example\r\n\r\n", 502},
		{"smuggling", "POST / HTTP/1.1\r\nHost: " + Site + "\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"two hosts", "GET / HTTP/1.1\r\nHost: " + Site + "\r\nHost: other.example\r\n\r\n", 400},
		{"a tunnel", "CONNECT " + Site + ":443 HTTP/1.1\r\nHost: " + Site + "\r\n\r\n", 405},
		{"too large", "GET / HTTP/1.1\r\nHost: " + Site + "\r\nX: " + strings.Repeat("x", 20000) + "\r\n\r\n", 431},
		{"half a head", "GET / HTTP/1.1\r\nHost: " + Site + "\r\n", 408},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		{"a bad chunk", "POST / HTTP/1.1\r\nHost: " + Site + "\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn := r.dial(t)
			if _, err := io.WriteString(conn, test.request); err != nil {
				t.Fatal(err)
			}
			all, err := io.ReadAll(conn)
			if test.status == 0 {
				return // an error or the end, but no other request
			}
			if err != nil {
				t.Fatalf("after %q: %v", all, err)
			}
			if want := fmt.Sprintf("HTTP/1.1 %d ", test.status); !strings.HasPrefix(string(all), want) {
				t.Errorf("got %q, want %q", all, want)
			}
		})
	}
}

func (c conformance) forwarded(t *testing.T) {
	for _, believed := range []bool{false, true} {
		t.Run(fmt.Sprintf("believed=%t", believed), func(t *testing.T) {
			o := newOrigin(t, "o", nil, nil)
			r := c.httpRig(t, o.route(Site, sniproxy.Decision{}), func(s *sniproxy.Server) {
				if believed {
					s.Forwarders = append(s.Forwarders, prefix("127.0.0.0/8"))
				}
			})
			conn := r.dial(t)
			ask(t, conn, bufio.NewReader(conn), "GET / HTTP/1.1\r\nHost: "+Site+"\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n")
			want := "127.0.0.1"
			if believed {
				want = "198.51.100.1, 127.0.0.1"
			}
			o.mu.Lock()
			defer o.mu.Unlock()
			if got := o.heads[0].Get("X-Forwarded-For"); got != want {
				t.Errorf("the server is told %q, want %q", got, want)
			}
		})
	}
}

func (c conformance) cutShort(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		conn.Close()
	})
	o := newOrigin(t, "o", nil, h)
	r := c.httpRig(t, o.route(Site, sniproxy.Decision{}), nil)
	conn := r.dial(t)
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+Site+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if all, err := io.ReadAll(conn); err == nil {
		t.Errorf("the client takes %q for the whole", all)
	}
}

func (c conformance) httpLoop(t *testing.T) {
	l, port := listen6(t)
	r := c.httpRig(t, routeTo(Site, sniproxy.Decision{}, port), nil)
	go func() { _ = r.server.ServeHTTP1(l) }()
	conn := r.dial(t)
	status, _ := ask(t, conn, bufio.NewReader(conn), "GET / HTTP/1.1\r\nHost: "+Site+"\r\n\r\n")
	if status != http.StatusLoopDetected {
		t.Errorf("got %d", status)
	}
}

func (c conformance) httpShutdown(t *testing.T) {
	o := newOrigin(t, "o", nil, nil)
	r := c.httpRig(t, o.route(Site, sniproxy.Decision{}), func(s *sniproxy.Server) { s.Timeouts.KeepAlive = 10 * patience })
	conn := r.dial(t)
	ask(t, conn, bufio.NewReader(conn), "GET / HTTP/1.1\r\nHost: "+Site+"\r\n\r\n")
	// The rig's own shutdown would wait for it in vain.
	if err := r.server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if n, _ := io.Copy(io.Discard, conn); n != 0 {
		t.Errorf("%d bytes came", n)
	}
}

func (c conformance) httpMany(t *testing.T) {
	a, b := newOrigin(t, "a", nil, nil), newOrigin(t, "b", nil, nil)
	r := c.httpRig(t, a.route("a.example", sniproxy.Decision{}).and(b.route("b.example", sniproxy.Decision{})), nil)
	var all sync.WaitGroup
	for i := range 6 {
		conn := r.dial(t)
		all.Go(func() {
			in := bufio.NewReader(conn)
			for j := range 60 {
				name := string(rune('a' + (i+j)%2))
				body := strings.Repeat("x", j*j)
				fmt.Fprintf(conn, "POST /%d HTTP/1.1\r\nHost: %s.example\r\nContent-Length: %d\r\n\r\n%s", j, name, len(body), body)
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Errorf("request %d: %v", j, err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if want := fmt.Sprintf("%s POST %s.example /%d %d", name, name, j, len(body)); err != nil || string(got) != want {
					t.Errorf("got %q, %v, want %q", got, err, want)
					return
				}
			}
			conn.Close()
		})
	}
	all.Wait()
	until(t, func() bool { return r.server.Stats().Active == 0 }, "the connections' end")
}
