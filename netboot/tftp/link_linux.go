package tftp

import (
	"errors"
	"net"
	"sync"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

const (
	maxSegments = 64    // UDP_MAX_SEGMENTS of every kernel since 4.18
	maxSegBytes = 64000 // one UDP datagram's 65,507 bytes, rounded down
	minSegment  = 512   // below, our own OACK and ERROR would be cut up
)

// udpLink is a connected UDP socket: the kernel drops what strangers send to
// it, and an ICMP error of the client's host comes up as an error.
type udpLink struct {
	receiver
	raw syscall.RawConn

	mu    sync.Mutex // guards what follows, and keeps a batch together
	out   sender
	noGSO bool
	gso   int // UDP_SEGMENT that is set
	batch *ipv4.PacketConn
	msgs  []ipv4.Message
}

func newUDPLink(conn *net.UDPConn, noGSO bool) (*udpLink, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		conn.Close()
		return nil, err
	}
	k := &udpLink{receiver: receiver{conn: conn}, raw: raw, noGSO: noGSO}
	k.out.fn = k.out.call
	return k, nil
}

func (l *udpLink) send(b *batch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out.flags = 0
	if b.confirm {
		l.out.flags = unix.MSG_CONFIRM
	}
	if len(b.ends) == 1 {
		return keepFatal(l.write(b.parts))
	}
	first := 0
	if l.segment(b.size) {
		var err error
		if first, err = l.writeSegments(b); err != nil {
			return err
		}
	}
	return l.writeBatch(b, first)
}

// writeSegments sends the packets of b, as many in a write as one may hold. It
// returns how many were sent when the kernel will not do so any more.
func (l *udpLink) writeSegments(b *batch) (sent int, err error) {
	n := max(1, min(maxSegments, maxSegBytes/b.size))
	for sent < len(b.ends) {
		last := min(sent+n, len(b.ends))
		err := l.write(b.span(sent, last))
		if refusesGSO(err) {
			l.dropGSO()
			return sent, nil
		}
		if err := keepFatal(err); err != nil {
			return sent, err
		}
		sent = last
	}
	return sent, nil
}

// segment has the kernel cut what is written into packets of that size, and
// reports whether it will: a window then costs one system call, and one walk
// through the stack.
func (l *udpLink) segment(size int) bool {
	if l.noGSO || size < minSegment {
		return false
	}
	if l.gso != size {
		if err := l.setSegment(size); err != nil {
			l.noGSO = true
			return false
		}
		l.gso = size
	}
	return true
}

func (l *udpLink) setSegment(size int) error {
	var opErr error
	err := l.raw.Control(func(fd uintptr) {
		opErr = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT, size)
	})
	return errors.Join(err, opErr)
}

// dropGSO gives up on segmentation for this transfer: the interface has no
// checksum offload, or the path's MTU is below the interface's.
func (l *udpLink) dropGSO() {
	_ = l.setSegment(0) // it was set before: the option is there
	l.noGSO, l.gso = true, 0
}

func refusesGSO(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EIO) ||
		errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EMSGSIZE)
}

// write sends parts as one message. An error that was waiting on the socket,
// from a packet before, is passed over once: the message was not sent then.
func (l *udpLink) write(parts [][]byte) error {
	l.out.parts = parts
	for range 2 {
		if err := l.raw.Write(l.out.fn); err != nil {
			return err
		}
		if l.out.err == nil || keepFatal(l.out.err) != nil || refusesGSO(l.out.err) {
			break
		}
	}
	return l.out.err
}

// writeBatch sends the packets of b from the one given with sendmmsg.
func (l *udpLink) writeBatch(b *batch, first int) error {
	if l.batch == nil {
		l.batch = ipv4.NewPacketConn(l.conn) // for IPv6 it does the same
	}
	l.msgs = l.msgs[:0]
	for i := first; i < len(b.ends); i++ {
		l.msgs = append(l.msgs, ipv4.Message{Buffers: b.packet(i)})
	}
	for todo := l.msgs; len(todo) > 0; {
		n, err := l.batch.WriteBatch(todo, l.out.flags)
		if fatal := keepFatal(err); fatal != nil {
			return fatal
		}
		if err != nil || n == 0 {
			n = 1 // that packet is lost
		}
		todo = todo[n:]
	}
	return nil
}

// sender is one sendmsg, kept so that its method value is made once.
type sender struct {
	parts [][]byte
	flags int
	err   error
	fn    func(fd uintptr) bool
}

func (s *sender) call(fd uintptr) bool {
	_, s.err = unix.SendmsgBuffers(int(fd), s.parts, nil, nil, s.flags)
	for errors.Is(s.err, unix.EINTR) {
		_, s.err = unix.SendmsgBuffers(int(fd), s.parts, nil, nil, s.flags)
	}
	return !errors.Is(s.err, unix.EAGAIN)
}
