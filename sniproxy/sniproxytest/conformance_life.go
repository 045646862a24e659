package sniproxytest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
)

// life is starting, changing and ending a server.
func (c conformance) life(t *testing.T) {
	t.Run("routes change while data flows", c.reload)
	t.Run("shutdown lets connections end", c.shutdown)
	t.Run("close ends them", c.closing)
	t.Run("half hellos end in time", c.slowloris)
	t.Run("many connections leave nothing", c.many)
	t.Run("no descriptors are left", c.outOfFiles)
	t.Run("unknown names leave no trace", c.flood)
}

func (c conformance) reload(t *testing.T) {
	b := NewBackend(t, BackendOptions{})
	to := routeTo(Site, sniproxy.Decision{}, b.Addr().Port())
	r := c.rig(t, to, nil)
	stop := make(chan struct{})
	var reloads sync.WaitGroup
	reloads.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			sites := append([]sniproxy.Site{}, to.sites...)
			for j := range 1000 {
				sites = append(sites, sniproxy.Site{Names: []string{fmt.Sprintf("s%d-%d.example", i, j)}, Decision: to.sites[0].Decision})
			}
			if err := r.table.Replace(sniproxy.Routes{Sites: sites}); err != nil {
				t.Error(err)
			}
		}
	})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 20 {
				echoes(t, r.greet(t), 50<<10, uint64(i*100+j))
			}
		})
	}
	all.Wait()
	close(stop)
	reloads.Wait()
	if got := r.server.Stats(); got.Result(sniproxy.Routed) != 160 && got.Accepted != 160 {
		t.Errorf("%+v", got)
	}
}

func (c conformance) shutdown(t *testing.T) {
	r, _ := c.rigFor(t, BackendOptions{}, nil)
	conn := r.greet(t)
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		done <- r.server.Shutdown(ctx)
	}()
	until(t, func() bool {
		probe, err := net.Dial("tcp4", r.addr)
		if err == nil {
			probe.Close()
		}
		return err != nil
	}, "the listener's end")
	echoes(t, conn, 1<<20, 1)
	if err := <-done; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	rec := r.record(t)
	for rec.Result == sniproxy.Aborted { // a probe that was still accepted
		rec = r.record(t)
	}
	if rec.Result != sniproxy.Routed || rec.Err != nil {
		t.Errorf("it ended as %v: %v", rec.Result, rec.Err)
	}
}

func (c conformance) closing(t *testing.T) {
	r, _ := c.rigFor(t, BackendOptions{}, nil)
	conn := r.greet(t)
	waiting := r.dial(t)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := r.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shutdown: %v", err)
	}
	for _, one := range []net.Conn{conn, waiting} {
		if n, err := io.Copy(io.Discard, one); n != 0 {
			t.Errorf("%d bytes, %v", n, err)
		}
	}
	if n := r.server.Stats().Active; n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

// slowloris holds many connections with half a hello; others are served, and they
// end at the deadline however they trickle.
func (c conformance) slowloris(t *testing.T) {
	r, _ := c.rigFor(t, BackendOptions{}, func(s *sniproxy.Server) { s.Timeouts.Hello = 2 * time.Second })
	hello := Hello(Site, HelloOptions{})
	const many = 300
	for range many {
		conn := r.dial(t)
		if _, err := conn.Write(hello[:700]); err != nil {
			t.Fatal(err)
		}
		go trickle(conn, hello[700:len(hello)-1])
		go func() {
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}()
	}
	r.greet(t).Close()
	r.wantResult(t, sniproxy.HelloTimeout, many)
}

// trickle writes byte by byte.
func trickle(conn net.Conn, b []byte) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := range b {
		if _, err := conn.Write(b[i : i+1]); err != nil {
			return
		}
		<-tick.C
	}
}

// many makes connections of all kinds, after which no descriptor may be left.
func (c conformance) many(t *testing.T) {
	r, _ := c.rigFor(t, BackendOptions{}, nil)
	before := openFiles()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 150 {
				r.short(t, i+j)
			}
		})
	}
	all.Wait()
	until(t, func() bool { return r.server.Stats().Active == 0 }, "the connections' end")
	until(t, func() bool { return openFiles() <= before+2*pipesKept }, fmt.Sprintf("descriptors to be closed: %d before", before))
}

func (c conformance) flood(t *testing.T) {
	r := c.rig(t, routeTo(Site, sniproxy.Decision{}, freePort(t)), nil)
	const many = 200
	for i := range many {
		conn := r.dial(t)
		if _, err := conn.Write(Hello(fmt.Sprintf("x%d.example", i), HelloOptions{})); err != nil {
			t.Fatal(err)
		}
		wantAlert(t, conn, clienthello.AlertUnrecognizedName)
	}
	r.wantResult(t, sniproxy.UnknownName, many)
	if n := len(r.server.Stats().Sites); n != 0 {
		t.Errorf("there are counters of %d sites", n)
	}
}

// pipesKept is how many pipes an engine may keep for later.
const pipesKept = 32

// short is one short connection of some kind.
func (r *rig) short(t *testing.T, kind int) {
	conn, err := net.Dial("tcp4", r.addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	hello := Hello(Site, HelloOptions{})
	switch kind % 5 {
	case 0:
		hello = hello[:len(hello)/2]
	case 1:
		hello = Hello("other.example", HelloOptions{})
	case 2:
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
	_, _ = conn.Write(hello)
	if kind%5 == 3 {
		_, _ = io.ReadFull(conn, make([]byte, len(hello)))
	}
}
