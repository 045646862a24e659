package telnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// settle is how long a command waits for the bytes before it to be written.
const settle = time.Second

// link is a client on its line.
type link struct {
	s    *Server
	conn net.Conn
	line io.ReadWriteCloser
	ctx  context.Context
	end  context.CancelCauseFunc

	sending sync.Mutex // held while bytes go to the client, by one call

	mu     sync.Mutex // guards h, but for its decoder; never held while waiting
	h      host
	resume chan struct{} // closed when the client lets us send again
	asking bool          // whether our bytes may go in BINARY mode
	agreed chan struct{} // closed when that is known

	inbox *inbox
	errs  atomic.Uint32 // bits of NOTIFY-LINESTATE to tell
	kick  chan struct{} // there are some, or lines were set

	logged atomic.Int32

	modem    sync.Mutex // guards what follows
	told     byte       // modem lines, as the client knows them
	virtual  bool       // the line has no DTR and RTS; these are what was asked for
	dtr, rts bool

	serial Serial // how the line is set; of the goroutine that reads the client
	brk    breaking
	group  sync.WaitGroup
}

func newLink(s *Server, conn net.Conn, line io.ReadWriteCloser) *link {
	l := &link{
		s: s, conn: conn, line: line, kick: make(chan struct{}, 1), agreed: make(chan struct{}), asking: true,
		serial: s.Serial, dtr: true, rts: true,
	}
	l.inbox = newInbox(s.silence(), l.flowControl)
	l.h.start()
	return l
}

// run serves the client until it, the line or ctx ends, and says which.
func (l *link) run(ctx context.Context) error {
	l.ctx, l.end = context.WithCancelCause(ctx)
	defer l.end(nil)
	if err := l.learn(); err != nil {
		_ = l.line.Close()
		return err
	}
	l.group.Go(func() { l.end(l.fromLine()) })
	l.group.Go(func() { l.end(l.toLine()) })
	l.group.Go(func() { l.end(l.fromClient()) })
	l.group.Go(l.watch)
	<-l.ctx.Done()
	_ = l.conn.Close()
	_ = l.line.Close()
	l.inbox.close()
	l.group.Wait()
	return context.Cause(l.ctx)
}

// learn asks the line how it is set, and whom to tell.
func (l *link) learn() error {
	if setter, ok := l.line.(SerialSetter); ok {
		now, err := setter.SetSerial(l.ctx, Serial{})
		if err != nil {
			return fmt.Errorf("telnet: settings of the line: %w", err)
		}
		l.serial = now
	}
	if n, ok := l.line.(serialcon.Notifier); ok {
		n.Notify(l.heard)
	}
	return l.send(nil)
}

// fromLine copies what the line says.
func (l *link) fromLine() error {
	buf := make([]byte, 4096)
	l.awaitMode()
	for {
		n, err := l.line.Read(buf)
		if n > 0 {
			if err := l.awaitResume(); err != nil {
				return err
			}
			if err := l.send(buf[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return fmt.Errorf("telnet: the line: %w", err)
		}
	}
}

// awaitMode waits, but not for long, until the client said whether our bytes may
// go in BINARY mode: one that agrees takes what comes as such at once.
func (l *link) awaitMode() {
	timer := time.NewTimer(settle)
	defer timer.Stop()
	select {
	case <-l.agreed:
	case <-timer.C:
	case <-l.ctx.Done():
	}
}

// awaitResume waits while the client asks not to send.
func (l *link) awaitResume() error {
	for {
		l.mu.Lock()
		if !l.h.suspended {
			l.mu.Unlock()
			return nil
		}
		if l.resume == nil {
			l.resume = make(chan struct{})
		}
		resume := l.resume
		l.mu.Unlock()
		select {
		case <-resume:
		case <-l.ctx.Done():
			return context.Cause(l.ctx)
		}
	}
}

// toLine writes what the client sent.
func (l *link) toLine() error {
	buf := make([]byte, 4096)
	for {
		n := l.inbox.take(buf)
		if n == 0 {
			return nil
		}
		l.brk.wait() // bytes in a BREAK would be lost
		if _, err := l.line.Write(buf[:n]); err != nil {
			return fmt.Errorf("telnet: write to the line: %w", err)
		}
	}
}

// fromClient takes the client's bytes and commands.
func (l *link) fromClient() error {
	buf := make([]byte, 4096)
	var orders []order
	for {
		n, err := l.conn.Read(buf)
		orders = l.receive(orders[:0], buf[:n])
		for _, o := range orders {
			if err := l.do(o); err != nil {
				return err
			}
		}
		if err := l.send(nil); err != nil {
			return err
		}
		if err != nil {
			l.inbox.drained(settle) // its last words
			return fmt.Errorf("telnet: the client: %w", err)
		}
	}
}

// receive decodes what came, and wakes who waits for it.
func (l *link) receive(orders []order, p []byte) []order {
	l.mu.Lock()
	defer l.mu.Unlock()
	orders = l.h.receive(orders, p)
	if l.resume != nil && !l.h.suspended {
		close(l.resume)
		l.resume = nil
	}
	if l.asking && !l.h.local[optBinary].asked() {
		l.asking = false
		close(l.agreed)
	}
	return orders
}

// do carries an order out.
func (l *link) do(o order) error {
	switch o.kind {
	case orderData:
		return l.inbox.put(o.data)
	case orderBreak:
		l.await()
		l.startBreak(serialcon.MinBreak)
	case orderComPort:
		l.command(o.command, o.data)
	case orderBegin:
		l.notifyModem(l.lines(), true)
	}
	return nil
}

// await waits until the line has the bytes that came before a command.
func (l *link) await() {
	_ = l.send(nil) // an error shows at the next one
	l.inbox.drained(settle)
}

// send sends answers that wait, and then data.
func (l *link) send(data []byte) error {
	l.sending.Lock()
	defer l.sending.Unlock()
	l.mu.Lock()
	first, bin := l.h.out, l.h.binary()
	l.h.out = nil
	l.mu.Unlock()
	wire := appendData(first, data, bin)
	if len(wire) == 0 {
		return nil
	}
	err := l.conn.SetWriteDeadline(time.Now().Add(l.s.silence()))
	if err == nil {
		_, err = l.conn.Write(wire)
	}
	if err != nil {
		return fmt.Errorf("telnet: send to the client: %w", err)
	}
	return nil
}

// maxLogged bounds what a client can have written to the log.
const maxLogged = 20

// note logs something about the client.
func (l *link) note(text string, args ...any) {
	if l.logged.Add(1) <= maxLogged {
		l.s.logger().Warn(text, append(args, "from", l.conn.RemoteAddr().String())...)
	}
}

func (l *link) reply(command byte, value ...byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.h.reply(command, value...)
}

// flowControl asks the client not to send, or to go on.
func (l *link) flowControl(suspend bool) {
	l.mu.Lock()
	if l.h.comPort() {
		command := byte(comResume)
		if suspend {
			command = comSuspend
		}
		l.h.reply(command)
	}
	l.mu.Unlock()
	if err := l.send(nil); err != nil {
		l.end(err)
	}
}

// breaking is a BREAK that is being sent.
type breaking struct {
	mu     sync.Mutex
	cancel context.CancelFunc
	done   chan struct{} // nil: none is
}

// wait waits until no BREAK is being sent.
func (b *breaking) wait() {
	b.mu.Lock()
	done := b.done
	b.mu.Unlock()
	if done != nil {
		<-done
	}
}

// on reports whether a BREAK is being sent.
func (b *breaking) on() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.done != nil
}

// stop ends it, and waits for that.
func (b *breaking) stop() {
	b.mu.Lock()
	if b.done != nil {
		b.cancel()
	}
	b.mu.Unlock()
	b.wait()
}

// startBreak sends a BREAK, unless one is being sent. It reports whether there
// is one.
func (l *link) startBreak(d time.Duration) bool {
	breaker, ok := l.line.(serialcon.Breaker)
	if !ok {
		return false
	}
	b := &l.brk
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done != nil {
		return true
	}
	ctx, cancel := context.WithCancel(l.ctx)
	done := make(chan struct{})
	b.cancel, b.done = cancel, done
	l.group.Go(func() {
		defer cancel()
		if err := breaker.Break(ctx, d); err != nil && !errors.Is(err, context.Canceled) {
			l.note("telnet: no BREAK was sent", "err", err)
		}
		b.mu.Lock()
		b.done = nil
		b.mu.Unlock()
		close(done)
	})
	return true
}
