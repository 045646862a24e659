package sniproxy

import (
	"io"
	"net"
	"sync"
	"syscall"
)

// bufSize is what one read takes at most; two that fill it begin splicing.
const bufSize = 64 << 10

// bufs are for reading; who waits for bytes has none, where the system allows that.
type bufPool struct{ pool sync.Pool }

func (p *bufPool) get() *[]byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, bufSize)
	return &b
}

func (p *bufPool) put(b *[]byte) { p.pool.Put(b) }

// A source reads a connection into buffers that are on loan.
type source struct {
	conn net.Conn
	tcp  *net.TCPConn // nil: not one, no splicing
	raw  syscall.RawConn
	bufs *bufPool
	buf  *[]byte
	n    int
	err  error
	try  func(fd uintptr) bool
}

func newSource(c net.Conn, bufs *bufPool) *source {
	s := &source{conn: c, bufs: bufs}
	s.tcp, _ = c.(*net.TCPConn)
	if s.tcp != nil && canTryRead {
		if raw, err := s.tcp.SyscallConn(); err == nil {
			s.raw, s.try = raw, s.tryRead
		}
	}
	return s
}

// tryRead reads if there is something to read, and else waits without a buffer.
func (s *source) tryRead(fd uintptr) bool {
	s.buf = s.bufs.get()
	var again bool
	if s.n, again, s.err = tryRead(fd, *s.buf); again {
		s.release()
		return false
	}
	return true
}

// read returns bytes that stay until release; at the end io.EOF.
func (s *source) read() ([]byte, error) {
	if s.raw == nil {
		s.buf = s.bufs.get()
		n, err := s.conn.Read(*s.buf)
		if n > 0 {
			return (*s.buf)[:n], nil
		}
		s.release()
		return nil, err
	}
	s.n, s.err = 0, nil
	err := s.raw.Read(s.try)
	if err == nil {
		err = s.err
	}
	if err == nil && s.n == 0 {
		err = io.EOF
	}
	if err != nil {
		s.release()
		return nil, err
	}
	return (*s.buf)[:s.n], nil
}

func (s *source) release() {
	if s.buf != nil {
		s.bufs.put(s.buf)
		s.buf = nil
	}
}

// stale reports whether a connection that should be quiet has bytes or has ended.
func (s *source) stale() bool {
	if s.raw == nil {
		return false
	}
	quiet := false
	err := s.raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, quiet, _ = tryRead(fd, one[:])
		return true
	})
	return err != nil || !quiet
}
