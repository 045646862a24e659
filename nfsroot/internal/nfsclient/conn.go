package nfsclient

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// Programs.
const (
	Portmap = 100000
	NFS     = 100003
	Mount   = 100005
)

// Options say how to dial.
type Options struct {
	// From is the address to come from. Nil means any.
	From net.IP
	// Reserved takes a port below 1024, which needs root.
	Reserved bool
}

// Conn is a connection to a server. Its methods may be called at the same time.
type Conn struct {
	s    *session
	cred []byte
}

type session struct {
	nc net.Conn

	mu      sync.Mutex // guards what follows, and writing
	xid     uint32
	waiting map[uint32]chan []byte
	err     error
}

// Dial connects by TCP, as root.
func Dial(ctx context.Context, addr string, o Options) (*Conn, error) {
	nc, err := dial(ctx, addr, o)
	if err != nil {
		return nil, fmt.Errorf("nfsclient: dial %s: %w", addr, err)
	}
	s := &session{nc: nc, waiting: map[uint32]chan []byte{}, xid: 1}
	go s.read()
	return (&Conn{s: s}).As(0, 0), nil
}

func dial(ctx context.Context, addr string, o Options) (nc net.Conn, err error) {
	if !o.Reserved {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: o.From}}
		return d.DialContext(ctx, "tcp", addr)
	}
	for port := 1023; port > 600; port-- {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: o.From, Port: port}}
		if nc, err = d.DialContext(ctx, "tcp", addr); err == nil {
			return nc, nil
		}
	}
	return nil, err
}

// As is the same connection, for the calls of another user.
func (c *Conn) As(uid, gid uint32, groups ...uint32) *Conn {
	var e Encoder
	e.Uint32(1) // AUTH_SYS
	var body Encoder
	body.Uint32(0)
	body.String("nfsclient")
	body.Uint32(uid)
	body.Uint32(gid)
	body.Uint32(uint32(len(groups)))
	for _, g := range groups {
		body.Uint32(g)
	}
	e.Opaque(body.B)
	e.zeros(2) // verifier
	return &Conn{s: c.s, cred: e.B}
}

// Anonymous is the same connection, for calls of nobody (AUTH_NONE).
func (c *Conn) Anonymous() *Conn { return &Conn{s: c.s, cred: make([]byte, 16)} }

// Close ends the connection and the calls that wait.
func (c *Conn) Close() error { return c.s.nc.Close() }

// LocalAddr is this end's address.
func (c *Conn) LocalAddr() net.Addr { return c.s.nc.LocalAddr() }

func (s *session) read() {
	r := bufio.NewReaderSize(s.nc, 64<<10)
	var err error
	for err == nil {
		var b []byte
		if b, err = ReadRecord(r); err == nil && len(b) >= 4 {
			s.mu.Lock()
			xid := binary.BigEndian.Uint32(b)
			if ch := s.waiting[xid]; ch != nil {
				delete(s.waiting, xid)
				ch <- b
			}
			s.mu.Unlock()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	for xid, ch := range s.waiting {
		delete(s.waiting, xid)
		close(ch)
	}
}

// ReadRecord reads one record from its fragments.
func ReadRecord(r io.Reader) (b []byte, err error) {
	for {
		var head [4]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, err
		}
		mark := binary.BigEndian.Uint32(head[:])
		size := int(mark & (1<<31 - 1))
		if size > 4<<20 {
			return nil, fmt.Errorf("nfsclient: a fragment of %d bytes", size)
		}
		have := len(b)
		b = append(b, make([]byte, size)...)
		if _, err := io.ReadFull(r, b[have:]); err != nil {
			return nil, err
		}
		if mark&(1<<31) != 0 {
			return b, nil
		}
	}
}

// Call makes any call and returns what follows the reply's header.
func (c *Conn) Call(ctx context.Context, program, version, procedure uint32, args []byte) (Decoder, error) {
	ch := make(chan []byte, 1)
	s := c.s
	s.mu.Lock()
	s.xid++
	xid := s.xid
	err := s.err
	if err == nil {
		s.waiting[xid] = ch
		_, err = s.nc.Write(Record(xid, program, version, procedure, c.cred, args))
	}
	s.mu.Unlock()
	if err != nil {
		return Decoder{}, fmt.Errorf("nfsclient: call %d of %d: %w", procedure, program, err)
	}
	select {
	case <-ctx.Done():
		return Decoder{}, ctx.Err()
	case b, ok := <-ch:
		if !ok {
			return Decoder{}, fmt.Errorf("nfsclient: call %d of %d: %w", procedure, program, ErrClosed)
		}
		return accepted(Decoder{B: b[4:]})
	}
}

// Record is a call in one fragment.
func Record(xid, program, version, procedure uint32, cred, args []byte) []byte {
	e := Encoder{B: make([]byte, 0, 64+len(cred)+len(args))}
	e.Uint32(0)
	for _, v := range []uint32{xid, 0, 2, program, version, procedure} {
		e.Uint32(v)
	}
	e.B = append(append(e.B, cred...), args...)
	binary.BigEndian.PutUint32(e.B, 1<<31|uint32(len(e.B)-4))
	return e.B
}

// ErrClosed is that the server closed the connection.
var ErrClosed = errors.New("connection closed by the server")

// RPCError is that a call was not made at all.
type RPCError struct {
	Denied bool
	// Code is the accept or the reject status, Detail the reason for a denial.
	Code, Detail uint32
}

func (e *RPCError) Error() string {
	return fmt.Sprintf("nfsclient: denied %t, code %d, detail %d", e.Denied, e.Code, e.Detail)
}

func accepted(d Decoder) (Decoder, error) {
	d.Uint32() // a reply
	if d.Uint32() != 0 {
		return d, &RPCError{Denied: true, Code: d.Uint32(), Detail: d.Uint32()}
	}
	d.Uint32()
	d.Opaque()
	if code := d.Uint32(); code != 0 {
		return d, &RPCError{Code: code, Detail: d.Uint32()}
	}
	return d, d.Err()
}
