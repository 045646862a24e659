package sniproxy

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// epoll is the engine of event loops.
type epoll struct {
	run    *running
	shards []*shard
	last   atomic.Uint32 // the shard that got a listener of its own
}

func newFastEngine(r *running) (fastEngine, error) {
	e := &epoll{run: r}
	n := r.Shards
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	for range n {
		s, err := newShard(r)
		if err != nil {
			e.close()
			return nil, err
		}
		e.shards = append(e.shards, s)
	}
	return e, nil
}

// serve takes l's socket over: package net would have its poller wake for each
// client too. A socket that shares its port (SO_REUSEPORT) belongs to one shard, as
// there are others; one that is alone belongs to all.
func (e *epoll) serve(l *net.TCPListener, proto Proto, stopped <-chan struct{}) error {
	fd, err := takeFD(l)
	if err != nil {
		return fmt.Errorf("sniproxy: listener %v: %w", l.Addr(), err)
	}
	defer sysClose(fd)
	model := acceptor{fd: fd, proto: proto, addr: l.Addr(), noDelay: prepare(fd, e.run.timeouts.Hello)}
	if ap := addrPort(l.Addr()); !ap.Addr().IsUnspecified() {
		model.local = ap
	}
	shards := e.shards
	if one, _ := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT); one != 0 {
		i := int(e.last.Add(1)) % len(shards)
		shards = shards[i : i+1]
	}
	model.shared = len(shards) > 1
	watching, err := listenOn(shards, model)
	if err == nil {
		<-stopped
	}
	for _, stop := range watching {
		stop()
	}
	return err
}

// listenOn has each shard accept; the functions returned end that.
func listenOn(shards []*shard, model acceptor) (stops []func(), err error) {
	for _, s := range shards {
		a := model
		if e := s.call(func() unix.Errno { return s.listen(&a) }); e != 0 {
			return stops, fmt.Errorf("sniproxy: listener %v: %w", a.addr, os.NewSyscallError("epoll_ctl", e))
		}
		stops = append(stops, func() {
			s.call(func() unix.Errno { s.unlisten(&a); return 0 })
		})
	}
	return stops, nil
}

// call runs f in the loop and waits for it.
func (s *shard) call(f func() unix.Errno) unix.Errno {
	done := make(chan unix.Errno, 1)
	if !s.post(func() { done <- f() }) {
		return unix.ECANCELED
	}
	return <-done
}

// takeFD takes a socket out of package net.
func takeFD(l *net.TCPListener) (int32, error) {
	raw, err := l.SyscallConn()
	if err != nil {
		return -1, err
	}
	var fd int
	var dup error
	if err := raw.Control(func(own uintptr) { fd, dup = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return -1, err
	}
	if dup != nil {
		return -1, os.NewSyscallError("fcntl", dup)
	}
	if err := l.Close(); err != nil {
		sysClose(int32(fd))
		return -1, err
	}
	return int32(fd), nil
}

// prepare sets options that connections inherit. A client of a port like these
// speaks first: it is accepted when it has (TCP_DEFER_ACCEPT), or after a second.
func prepare(fd int32, hello time.Duration) (noDelay bool) {
	// A process that the socket is passed to, or that passes it on, may put it into
	// blocking mode for a moment, and an accept of that moment would wait.
	_ = unix.SetsockoptTimeval(int(fd), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 1000})
	proto, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PROTOCOL)
	if err == nil && proto == unix.IPPROTO_MPTCP {
		return true // whose connections do not inherit
	}
	_ = sysSetInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if hello >= time.Second {
		_ = sysSetInt(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 1)
	}
	return false
}

func (e *epoll) drain() <-chan struct{} {
	all := make(chan struct{})
	var wg sync.WaitGroup
	for _, s := range e.shards {
		done := make(chan struct{})
		s.drained(done)
		wg.Go(func() { <-done })
	}
	go func() {
		wg.Wait()
		close(all)
	}()
	return all
}

func (e *epoll) close() {
	for _, s := range e.shards {
		s.stop()
	}
}
