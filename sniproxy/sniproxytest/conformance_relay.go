package sniproxytest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy"
)

// relaying is what happens to connections that were routed.
func (c conformance) relaying(t *testing.T) {
	t.Run("much data both ways", c.muchData)
	t.Run("a slow reader gets all of it", c.slowReader)
	t.Run("the server's end leaves the client's direction open", c.serverEndsFirst)
	t.Run("the client's end leaves the server's direction open", c.clientEndsFirst)
	t.Run("a reset by the server reaches the client", c.serverResets)
	t.Run("a reset by the client reaches the server", c.clientResets)
	t.Run("idle connections are closed", c.idle)
	t.Run("half-closed connections are reset", c.halfClosed)
	t.Run("0-RTT data is sent once", c.earlyData)
}

// greet sends the hello, which is echoed, so that the connection is known to be
// relayed.
func (r *rig) greet(t *testing.T) *net.TCPConn {
	t.Helper()
	conn := r.dial(t)
	hello := Hello(Site, HelloOptions{})
	if _, err := conn.Write(hello); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, len(hello))); err != nil {
		t.Fatalf("the echo of the hello: %v", err)
	}
	return conn
}

func (r *rig) toBackend(t *testing.T) *net.TCPConn {
	t.Helper()
	conn := r.dial(t)
	if _, err := conn.Write(Hello(Site, HelloOptions{})); err != nil {
		t.Fatal(err)
	}
	return conn
}

// rigFor is a rig with one backend.
func (c conformance) rigFor(t *testing.T, o BackendOptions, tweak func(*sniproxy.Server)) (*rig, *Backend) {
	t.Helper()
	b := NewBackend(t, o)
	return c.rig(t, routeTo(Site, sniproxy.Decision{}, b.Addr().Port()), tweak), b
}

func (c conformance) muchData(t *testing.T) {
	r, _ := c.rigFor(t, BackendOptions{}, nil)
	const conns, size = 4, 24 << 20
	var all sync.WaitGroup
	for i := range conns {
		conn := r.greet(t)
		all.Go(func() { echoes(t, conn, size, uint64(i)) })
	}
	all.Wait()
	until(t, func() bool { return r.server.Stats().Active == 0 }, "the connections' end")
	s := r.server.Stats()
	if got := s.Sites[Site]; got.Received < conns*size || got.Sent < conns*size || got.Connections != conns || got.Active != 0 {
		t.Errorf("the site's counts are %+v", got)
	}
}

// echoes sends pseudo-random bytes and checks that they come back.
func echoes(t *testing.T, conn *net.TCPConn, size int64, seed uint64) {
	var key [32]byte
	key[0] = byte(seed)
	sent := sha256.New()
	go func() {
		_, err := io.Copy(io.MultiWriter(conn, sent), io.LimitReader(rand.NewChaCha8(key), size))
		if err == nil {
			err = conn.CloseWrite()
		}
		if err != nil {
			t.Errorf("sending: %v", err)
		}
	}()
	back := sha256.New()
	n, err := io.Copy(back, conn)
	if err != nil || n != size {
		t.Errorf("%d of %d bytes came back: %v", n, size, err)
		return
	}
	if !bytes.Equal(back.Sum(nil), sent.Sum(nil)) {
		t.Errorf("other bytes came back than were sent")
	}
}

// slowReader has the proxy wait for both ends in turn.
func (c conformance) slowReader(t *testing.T) {
	r, _ := c.rigFor(t, BackendOptions{Mode: BackendAfterEOF}, nil)
	conn := r.toBackend(t)
	hello := len(Hello(Site, HelloOptions{}))
	want := make([]byte, 8<<20)
	if _, err := rand.NewChaCha8([32]byte{1}).Read(want); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(want); err != nil {
		t.Fatal(err)
	}
	closeWrite(t, conn)
	until(t, func() bool { return r.server.Stats().Sites[Site].Sent > 0 }, "bytes on their way to the client")
	var got bytes.Buffer
	buf := make([]byte, 3000)
	for {
		n, err := conn.Read(buf)
		got.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("after %d bytes: %v", got.Len(), err)
		}
	}
	if got.Len() < hello || !bytes.Equal(got.Bytes()[hello:], want) {
		t.Errorf("%d bytes came back, not the %d sent", got.Len()-hello, len(want))
	}
}

func (c conformance) serverEndsFirst(t *testing.T) {
	r, b := c.rigFor(t, BackendOptions{Mode: BackendGreets}, nil)
	conn := r.toBackend(t)
	got, err := io.ReadAll(conn)
	if err != nil || string(got) != "ready\r\n" {
		t.Fatalf("got %q, %v", got, err)
	}
	late := []byte("sent after the server ended")
	if _, err := conn.Write(late); err != nil {
		t.Fatal(err)
	}
	closeWrite(t, conn)
	seen := b.Await(t, 1)[0]
	if seen.Err != nil || !bytes.HasSuffix(seen.Received, late) {
		t.Errorf("the server got %q and %v", seen.Received, seen.Err)
	}
}

func (c conformance) clientEndsFirst(t *testing.T) {
	r, _ := c.rigFor(t, BackendOptions{Mode: BackendAfterEOF}, nil)
	conn := r.toBackend(t)
	closeWrite(t, conn)
	got, err := io.ReadAll(conn)
	if want := Hello(Site, HelloOptions{}); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, %v, want %d and the end", len(got), err, len(want))
	}
}

func (c conformance) serverResets(t *testing.T) {
	r, _ := c.rigFor(t, BackendOptions{Mode: BackendResets, After: 3000}, nil)
	conn := r.toBackend(t)
	if _, err := conn.Write(make([]byte, 4000)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client sees %v, not a reset", err)
	}
	rec := r.record(t)
	if rec.Result != sniproxy.Routed || rec.Err == nil {
		t.Errorf("the record says %v, %v", rec.Result, rec.Err)
	}
}

func (c conformance) clientResets(t *testing.T) {
	r, b := c.rigFor(t, BackendOptions{}, nil)
	conn := r.greet(t)
	if err := conn.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if seen := b.Await(t, 1)[0]; !errors.Is(seen.Err, syscall.ECONNRESET) {
		t.Errorf("the server sees %v, not a reset", seen.Err)
	}
}

func (c conformance) idle(t *testing.T) {
	r, _ := c.rigFor(t, BackendOptions{}, func(s *sniproxy.Server) { s.Timeouts.Idle = 300 * time.Millisecond })
	conn := r.greet(t)
	if n, err := io.Copy(io.Discard, conn); err != nil || n != 0 {
		t.Errorf("got %d bytes, %v, want the end", n, err)
	}
	if rec := r.record(t); rec.Took < 300*time.Millisecond || rec.Err == nil {
		t.Errorf("closed after %v: %v", rec.Took, rec.Err)
	}
}

func (c conformance) halfClosed(t *testing.T) {
	r, _ := c.rigFor(t, BackendOptions{Mode: BackendGreets}, func(s *sniproxy.Server) {
		s.Timeouts.HalfClosed = 300 * time.Millisecond
	})
	conn := r.toBackend(t)
	if _, err := io.ReadAll(conn); err != nil { // the server has ended its direction, we do not
		t.Fatal(err)
	}
	rec := r.record(t)
	if rec.Err == nil {
		t.Errorf("the record has no error")
	}
}

// earlyData must reach one server, even if that resets at once.
func (c conformance) earlyData(t *testing.T) {
	first := NewBackend(t, BackendOptions{Mode: BackendResets, After: 1})
	second := NewBackend(t, BackendOptions{})
	r := c.rig(t, routeTo(Site, sniproxy.Decision{}, first.Addr().Port(), second.Addr().Port()), nil)
	conn := r.dial(t)
	if _, err := conn.Write(Hello(Site, HelloOptions{EarlyData: []byte("GET /buy HTTP/1.1\r\n\r\n")})); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, conn)
	first.Await(t, 1)
	r.record(t)
	if n := len(second.Conns()); n != 0 {
		t.Errorf("the second server got it too")
	}
}
