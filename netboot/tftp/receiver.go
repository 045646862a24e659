package tftp

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// receiver is the receiving half of a transfer's socket.
type receiver struct {
	conn  *net.UDPConn
	armed time.Time // the read deadline that is set
}

// recv waits for a packet until the deadline. To set the socket's deadline
// costs more than to wake up early, so one that was set for an earlier packet
// and lies ahead still is left to run out first.
func (r *receiver) recv(p []byte, deadline time.Time) (int, error) {
	if r.armed.IsZero() || r.armed.After(deadline) {
		r.arm(deadline)
	}
	for {
		n, err := r.conn.Read(p)
		switch {
		case err == nil:
			return n, nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			if err := keepFatal(err); err != nil {
				return 0, err
			}
		case !time.Now().Before(deadline):
			return 0, os.ErrDeadlineExceeded
		default:
			r.arm(deadline)
		}
	}
}

func (r *receiver) arm(deadline time.Time) {
	r.armed = deadline
	_ = r.conn.SetReadDeadline(deadline) // on a closed socket Read says so
}

func (r *receiver) close() error { return r.conn.Close() }

// keepFatal returns the error that ends a transfer, if err is one. All others,
// as of an interface that is down, mean a lost packet.
func keepFatal(err error) error {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return ErrUnreachable
	case errors.Is(err, net.ErrClosed):
		return net.ErrClosed
	}
	return nil
}
