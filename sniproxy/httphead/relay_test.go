package httphead_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/httphead"
)

// relay is the least proxy that can be made of the package: one request after
// the other, to a connection of its own to the backend.
type relay struct {
	dial            func() (net.Conn, error)
	client, backend *stream
	requests        httphead.RequestParser
	responses       httphead.ResponseParser
	req             httphead.Request
	resp            httphead.Response
}

// stream is a connection with what was read of it and not used.
type stream struct {
	net.Conn
	buf []byte
	eof error
}

func (s *stream) more() error {
	if s.eof != nil {
		return s.eof
	}
	b := make([]byte, 1+rand.IntN(1500))
	n, err := s.Read(b)
	s.buf = append(s.buf, b[:n]...)
	s.eof = err
	if n == 0 {
		return err
	}
	return nil
}

func (r *relay) run() {
	defer r.client.Close()
	for r.exchange() {
	}
	if r.backend != nil {
		r.backend.Close()
	}
}

// exchange serves one request, and reports whether another may follow.
func (r *relay) exchange() bool {
	n, err := r.requests.Parse(r.client.buf, &r.req)
	for n == 0 && err == nil {
		if r.client.more() != nil {
			return false
		}
		n, err = r.requests.Parse(r.client.buf, &r.req)
	}
	if e, ok := errors.AsType[*httphead.Error](err); ok {
		r.client.Write(httphead.AppendError(nil, e.Status, ""))
		return false
	}
	out, err := r.req.AppendForward(nil, stranger)
	if err != nil {
		return false
	}
	body, x := r.req.Body, r.req.Exchange()
	r.client.buf = append([]byte(nil), r.client.buf[n:]...)
	if r.backend == nil {
		conn, err := r.dial()
		if err != nil {
			return false
		}
		r.backend = &stream{Conn: conn}
	}
	if _, err := r.backend.Write(out); err != nil {
		return false
	}
	sent := make(chan bool, 1)
	var uploads sync.WaitGroup
	uploads.Go(func() { sent <- move(r.backend, r.client, &body) == nil })
	keep := r.answer(x, &uploads)
	if !keep {
		r.client.Close()
	}
	return <-sent && keep && body.Done()
}

func (r *relay) answer(x httphead.Exchange, uploads *sync.WaitGroup) bool {
	for {
		n, err := r.responses.Parse(r.backend.buf, x, &r.resp)
		if err != nil {
			r.client.Write(httphead.AppendError(nil, 502, ""))
			return false
		}
		if n == 0 {
			if r.backend.more() != nil {
				return false
			}
			continue
		}
		r.client.Write(r.resp.AppendRelay(nil))
		r.backend.buf = r.backend.buf[n:]
		switch {
		case r.resp.Interim:
			continue
		case r.resp.Switched:
			uploads.Wait()
			r.tunnel()
			return false
		}
		body := r.resp.Body
		ok := move(r.client, r.backend, &body) == nil && r.resp.KeepClient
		if !r.resp.KeepBackend {
			uploads.Wait()
			r.backend.Close()
			r.backend = nil
		}
		return ok
	}
}

// move copies a body.
func move(dst io.Writer, src *stream, body *httphead.Body) error {
	for !body.Done() {
		n, err := body.Next(src.buf)
		if err != nil {
			return err
		}
		if _, err := dst.Write(src.buf[:n]); err != nil {
			return err
		}
		src.buf = src.buf[n:]
		if len(src.buf) == 0 && !body.Done() && src.more() != nil {
			return body.End()
		}
	}
	return nil
}

func (r *relay) tunnel() {
	var wg sync.WaitGroup
	for _, s := range [][2]*stream{{r.client, r.backend}, {r.backend, r.client}} {
		wg.Go(func() {
			io.Copy(s[1], io.MultiReader(bytes.NewReader(s[0].buf), s[0].Conn))
			s[1].Conn.(*net.TCPConn).CloseWrite()
		})
	}
	wg.Wait()
}

// startRelay returns the address of a relay to the handler, both on TCP.
func startRelay(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	backend := httptest.NewServer(h)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r := &relay{client: &stream{Conn: c}, dial: func() (net.Conn, error) {
				return net.Dial("tcp", backend.Listener.Addr().String())
			}}
			wg.Go(r.run)
		}
	})
	t.Cleanup(func() {
		l.Close()
		backend.CloseClientConnections()
		backend.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

// echo answers with a digest of what it got, in the way that the query wants.
func echo(w http.ResponseWriter, r *http.Request) {
	sum := sha256.New()
	n, err := io.Copy(sum, r.Body)
	w.Header().Set("X-Digest", fmt.Sprintf("%x %d %v", sum.Sum(nil), n, err))
	w.Header().Set("X-For", r.Header.Get("X-Forwarded-For")+" "+r.Host)
	size := 0
	fmt.Sscan(r.FormValue("size"), &size)
	switch r.FormValue("form") {
	case "length":
		w.Header().Set("Content-Length", fmt.Sprint(size))
	case "chunked":
		w.(http.Flusher).Flush()
	case "close":
		w.Header().Set("Connection", "close")
	case "none":
		w.WriteHeader(http.StatusNoContent)
		return
	}
	io.Copy(w, io.LimitReader(zeros{}, int64(size)))
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Through a proxy made of the package, net/http's client and server understand
// each other, whatever they send.
func TestRelay(t *testing.T) {
	addr := startRelay(t, echo)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4, ExpectContinueTimeout: 1 << 40}}
	defer client.CloseIdleConnections()
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		up := bytes.Repeat([]byte{'x'}, rnd.IntN(1+i*100))
		size := rnd.IntN(1 + i*100)
		form := []string{"length", "chunked", "close", "none", ""}[rnd.IntN(5)]
		method := []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"}[rnd.IntN(6)]
		var body io.Reader = bytes.NewReader(up)
		if rnd.IntN(2) == 0 {
			body = io.MultiReader(body) // of no length that the client knows
		}
		req, err := http.NewRequestWithContext(t.Context(), method, fmt.Sprintf("http://%s/?form=%s&size=%d", addr, form, size), body)
		require.NoError(t, err)
		req.Host = "a.example"
		if rnd.IntN(4) == 0 {
			req.Header.Set("Expect", "100-continue")
		}
		req.Header.Set("X-Forwarded-For", "forged")
		resp, err := client.Do(req)
		require.NoError(t, err, "request %d: %s %s", i, method, req.URL)
		got, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, fmt.Sprintf("%x %d <nil>", sha256.Sum256(up), len(up)), resp.Header.Get("X-Digest"))
		require.Equal(t, "192.0.2.7 a.example", resp.Header.Get("X-For"))
		if method != "HEAD" && form != "none" {
			require.Len(t, got, size)
		}
	}
}

// Requests that come in one piece are answered one after the other.
func TestRelayPipelined(t *testing.T) {
	addr := startRelay(t, echo)
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	var all strings.Builder
	for i := range 20 {
		fmt.Fprintf(&all, "POST /?form=length&size=%d HTTP/1.1\r\nHost: h%d.example\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
			i, i, i+1, strings.Repeat("y", i+1))
	}
	_, err = c.Write([]byte(all.String()))
	require.NoError(t, err)
	in := bufio.NewReader(c)
	for i := range 20 {
		resp, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Len(t, body, i)
		require.Equal(t, fmt.Sprintf("192.0.2.7 h%d.example", i), resp.Header.Get("X-For"))
	}
}

// After the switch to a websocket, bytes pass both ways, the first of them in one
// piece with the heads.
func TestRelayWebsocket(t *testing.T) {
	addr := startRelay(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c, in, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello ")
		io.Copy(c, in)
	})
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write([]byte("GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbytes "))
	require.NoError(t, err)
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	_, err = c.Write([]byte("and more"))
	require.NoError(t, err)
	require.NoError(t, c.(*net.TCPConn).CloseWrite())
	rest, err := io.ReadAll(in)
	require.NoError(t, err)
	require.Equal(t, "hello bytes and more", string(rest))
}

// A backend that answers with two heads at once, or with what is no response,
// reaches the client with neither.
func TestRelayHostileBackend(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		status int
	}{
		"split":        {"HTTP/1.1 200 OK\r\nLocation: /\nX: y\r\nContent-Length: 0\r\n\r\n", 502},
		"two lengths":  {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\nHTTP/1.1 ", 502},
		"no HTTP":      {"SSH-2.0-OpenSSH_9.2\r\n", 502},
		"101":          {"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 502},
		"more than it": {"HTTP/1.1 204 No Content\r\nContent-Length: 30\r\n\r\nHTTP/1.1 200 OK\r\nX: forged\r\n\r\n", 204},
	} {
		t.Run(name, func(t *testing.T) {
			addr := startRelay(t, func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := w.(http.Hijacker).Hijack()
				if err == nil {
					io.WriteString(conn, c.answer)
					conn.Close()
				}
			})
			conn, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			defer conn.Close()
			_, err = conn.Write([]byte(hosted("a.example") + hosted("b.example")))
			require.NoError(t, err)
			require.NoError(t, conn.(*net.TCPConn).CloseWrite())
			back, err := io.ReadAll(conn)
			require.True(t, err == nil || len(back) > 0, "%v", err)
			require.True(t, strings.HasPrefix(string(back), fmt.Sprint("HTTP/1.1 ", c.status)), "%q", back)
			require.NotContains(t, string(back), "forged")
			require.NotContains(t, string(back), "X: y")
		})
	}
}
