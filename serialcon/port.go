package serialcon

import (
	"context"
	"io"
	"syscall"
	"time"
)

// Port is an open serial line, or what stands for one: a tty, a telnet
// connection, a command's terminal.
//
// Read returns what is there and waits only when nothing is. Write may be
// called while another goroutine reads. Close wakes every call that waits,
// may be called more than once, and makes later calls return an error. A
// deadline that passes makes the call return os.ErrDeadlineExceeded, and
// takes no byte away. A line that is gone (unplugged, hung up) makes Read
// return an error that is not a timeout, io.EOF included.
type Port interface {
	io.ReadWriteCloser
	// SetReadDeadline ends a Read at a time; zero means never.
	SetReadDeadline(t time.Time) error
	// SetWriteDeadline ends a Write at a time; zero means never.
	SetWriteDeadline(t time.Time) error
}

// Opener opens a port, as often as it is needed: a configuration. String is a
// short description for events and messages ("tty /dev/ttyUSB0 115200n8"); it
// holds no secret.
type Opener interface {
	// Open opens the port. It fails soon, or when ctx ends, if it cannot.
	Open(ctx context.Context) (Port, error)
	String() string
}

// Awaiter is implemented by an Opener that can tell when its device came back.
type Awaiter interface {
	// Await returns nil when an Open is worth trying (the device appeared, or
	// is there), and ctx's error when ctx ended. Another error means that it
	// cannot tell; the Console then goes by its timer alone.
	Await(ctx context.Context) error
}

// Breaker is implemented by a Port that can send a BREAK. A context that ends
// early still ends the BREAK on the wire.
type Breaker interface {
	Break(ctx context.Context, d time.Duration) error
}

// Lines are the modem lines of a port. DTR and RTS are outputs, the others
// inputs.
type Lines struct {
	DTR, RTS         bool
	CTS, DSR, CD, RI bool
}

// ModemLines is implemented by a Port with modem lines. A Console polls Lines
// once a second and makes each change an event. A port that finds out at run
// time that it has none returns errors.ErrUnsupported.
type ModemLines interface {
	// Lines reads them all.
	Lines() (Lines, error)
	// SetLines sets the outputs.
	SetLines(dtr, rts bool) error
}

// Counts are the error counters of a UART, as Linux counts them: they only
// grow, and wrap.
type Counts struct {
	Frame, Parity, Overrun, Break, BufferOverrun uint32
}

// Counters is implemented by a Port that counts the errors of its line. A
// Console polls it once a second and makes each growth an event; BREAKs only if
// the port is no Notifier, which tells of them itself. A port that finds out at run time that it has none returns errors.ErrUnsupported.
type Counters interface {
	// Counters reads them.
	Counters() (Counts, error)
}

// Notifier is implemented by a Port that itself learns of events: a BREAK
// that came in, lines of the far end, bytes that the far end says it lost.
// Notify is called once, before the first Read. The port calls fn from Read
// or from a goroutine of its own, until Close; fn does not block. The Console
// fills in Event.Console, and Event.At if it is zero.
type Notifier interface {
	// Notify says whom to tell.
	Notify(fn func(Event))
}

// Pollable is implemented by a Port with a descriptor in non-blocking mode,
// which an Engine may watch by epoll instead of a goroutine in Read. It does not
// watch Unix sockets, which hold up their writers until they are read.
//
// The descriptor costs least if the port keeps it out of the runtime's own
// poller (no os.NewFile) until somebody calls Read.
type Pollable interface {
	// SyscallConn gives the descriptor, which stays the port's.
	SyscallConn() (syscall.RawConn, error)
}

// ReadyReader is implemented by a Pollable whose bytes need work before they
// are the line's (PARMRK, telnet). ReadReady reads what is there and never
// waits: 0 and nil mean that nothing is there now. It is not called while
// another goroutine is in Read. Without it the Engine reads the descriptor.
type ReadyReader interface {
	// ReadReady reads what is there.
	ReadReady(p []byte) (int, error)
}
