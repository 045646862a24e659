package sniproxy

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A pipe is where spliced bytes are between two sockets.
type pipe struct {
	r, w int32
	n    int // bytes in it
	size int
}

// Pipes are asked to hold much, and used when they hold enough to be better than
// copying. Past pipe-user-pages-soft the kernel gives small ones.
const (
	pipeSize    = 1 << 20
	pipeMin     = 64 << 10
	pipesIdle   = 8   // that a shard keeps
	pipesShared = 256 // of a shard at a time, after which connections are copied
)

// pipes are those of a shard. A connection has one only while it holds bytes.
type pipes struct {
	free  []*pipe
	used  int
	count *atomic.Int64 // of all shards, for Stats
}

// get returns nil when there is none to be had.
func (p *pipes) get() *pipe {
	if n := len(p.free); n > 0 {
		last := p.free[n-1]
		p.free = p.free[:n-1]
		p.used++
		return last
	}
	if p.used >= pipesShared {
		return nil
	}
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC) != nil {
		return nil
	}
	size, err := unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, pipeSize)
	if err != nil {
		size, err = unix.FcntlInt(uintptr(fds[0]), unix.F_GETPIPE_SZ, 0)
	}
	if err != nil || size < pipeMin {
		sysClose(int32(fds[0]))
		sysClose(int32(fds[1]))
		return nil
	}
	p.used++
	p.count.Add(1)
	return &pipe{r: int32(fds[0]), w: int32(fds[1]), size: size}
}

// put takes a pipe back. One that still holds bytes of a connection that ended is
// closed, not emptied.
func (p *pipes) put(one *pipe) {
	p.used--
	if one.n == 0 && len(p.free) < pipesIdle {
		p.free = append(p.free, one)
		return
	}
	p.close(one)
}

func (p *pipes) close(one *pipe) {
	sysClose(one.r)
	sysClose(one.w)
	p.count.Add(-1)
}

func (p *pipes) closeAll() {
	for _, one := range p.free {
		p.close(one)
	}
	p.free = nil
}
