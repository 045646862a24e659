package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/netboot"
)

const (
	maxWatchers  = 64
	watchTimeout = 10 * time.Second // for a watcher to take a line
	resendEvery  = 250 * time.Millisecond
)

// statusSocket tells everyone who connects how boots go: one JSON object on a
// line for each machine, and another whenever one changes.
type statusSocket struct {
	tracker *netboot.Tracker
	names   func() []string
	log     *slog.Logger
}

func (s *server) startStatus(ctx context.Context, g *errgroup.Group) error {
	l, err := listenStatus(ctx, s.settings.Status)
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	socket := &statusSocket{s.tracker, s.machines.names, s.Log}
	g.Go(func() error { return socket.serve(ctx, l) })
	return nil
}

// listenStatus lets the group listen in.
func listenStatus(ctx context.Context, path string) (net.Listener, error) {
	l, err := daemon.ListenUnix(ctx, path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// serve answers watchers until ctx ends, and closes l.
func (s *statusSocket) serve(ctx context.Context, l net.Listener) error {
	defer context.AfterFunc(ctx, func() { l.Close() })()
	defer l.Close()
	var watchers sync.WaitGroup
	defer watchers.Wait()
	places := make(chan struct{}, maxWatchers)
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("status socket: %w", err)
		}
		select {
		case places <- struct{}{}:
			watchers.Go(func() {
				defer func() { <-places }()
				s.watcher(ctx, conn)
			})
		default:
			conn.Close()
		}
	}
}

// watcher serves one connection until it ends, takes no lines or ctx ends.
func (s *statusSocket) watcher(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer conn.Close()
	w := &statusWriter{conn: conn, fail: cancel, sent: make(map[string]status)}
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { s.tracker.Watch(ctx, func(st netboot.Status) { w.send(newStatus(st)) }) })
	running.Go(func() {
		// A watcher says nothing: a read returns when it has gone.
		defer cancel()
		_, _ = conn.Read(make([]byte, 1))
	})
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	tick := time.NewTicker(resendEvery)
	defer tick.Stop()
	for {
		// The tracker skips steps when its watcher is slow, and machines come
		// and go with the configuration: make up for both.
		w.all(statuses(s.tracker, s.names()))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// statusWriter writes what is news to one watcher.
type statusWriter struct {
	conn net.Conn
	fail func()

	mu   sync.Mutex        // guards what follows and the order on conn
	sent map[string]status // by machine
}

func (w *statusWriter) send(s status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.write(s)
}

// all writes the news in list, and that machines which are not in it are gone.
func (w *statusWriter) all(list []netboot.Status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	listed := make(map[string]bool)
	for _, s := range list {
		listed[s.Machine] = true
		w.write(newStatus(s))
	}
	for name := range w.sent {
		if !listed[name] {
			w.write(status{Machine: name, Stage: stageGone, Last: time.Now().Round(0)})
			delete(w.sent, name)
		}
	}
}

// stageGone is the stage of a machine that has left the inventory.
const stageGone = "gone"

// write is called with mu held.
func (w *statusWriter) write(s status) {
	before, ok := w.sent[s.Machine]
	if ok && (before == s || before.Last.After(s.Last)) {
		return
	}
	w.sent[s.Machine] = s
	_ = w.conn.SetWriteDeadline(time.Now().Add(watchTimeout))
	if err := json.NewEncoder(w.conn).Encode(s); err != nil {
		w.fail()
	}
}
