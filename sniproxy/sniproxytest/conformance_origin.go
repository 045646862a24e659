package sniproxytest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/mythic-beasts/hostkit/sniproxy"
)

// An origin is an HTTP server that says its name and counts connections.
type origin struct {
	name   string
	server *http.Server
	port   uint16

	mu    sync.Mutex // guards all below
	conns int
	heads []http.Header
}

func newOrigin(t *testing.T, name string, wrap func(net.Listener) net.Listener, h http.Handler) *origin {
	t.Helper()
	l, port := listen6(t)
	o := &origin{name: name, port: port}
	if h == nil {
		h = http.HandlerFunc(o.answer)
	}
	o.server = &http.Server{Handler: h, ReadHeaderTimeout: patience, ConnState: func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.conns++
		}
	}}
	var inner net.Listener = l
	if wrap != nil {
		inner = wrap(l)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = o.server.Serve(inner)
	}()
	t.Cleanup(func() {
		_ = o.server.Close()
		<-done
	})
	return o
}

func (o *origin) answer(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.heads = append(o.heads, r.Header.Clone())
	o.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	fmt.Fprintf(w, "%s %s %s %s %d", o.name, r.Method, r.Host, r.URL, len(body))
}

func (o *origin) connections() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.conns
}

func (o *origin) route(name string, d sniproxy.Decision) route { return routeTo(name, d, o.port) }

// httpRig is a rig that listens for HTTP too; addr is for that.
func (c conformance) httpRig(t *testing.T, to route, tweak func(*sniproxy.Server)) *rig {
	t.Helper()
	r := c.rig(t, to, tweak)
	r.addr = r.serve(t, r.server.ServeHTTP1)
	return r
}

// ask sends one request by a connection and returns the response and its body.
func ask(t *testing.T, conn net.Conn, in *bufio.Reader, request string) (status int, body string) {
	t.Helper()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return response(t, in, request)
}

func response(t *testing.T, in *bufio.Reader, request string) (status int, body string) {
	t.Helper()
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("no response to %.60q: %v", request, err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("the body of the response to %.60q: %v", request, err)
	}
	return resp.StatusCode, string(all)
}
