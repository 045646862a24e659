package telnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/dial"
)

// ErrNoRFC2217 means that Config.Serial is set and the server does not agree to
// COM-PORT-OPTION.
var ErrNoRFC2217 = errors.New("telnet: the server does not speak RFC 2217")

// maxEarly bounds what the line says while options are negotiated; a line that
// says more is opened at once.
const maxEarly = 64 << 10

// Config opens a telnet connection. Each Open connects anew.
type Config struct {
	// Address is the server's host and port. Needed, if only as a name for
	// messages where Dial is set.
	Address string
	// Dial connects. Nil means dial.TCP, which notices a peer that vanished.
	// For telnet over a Unix socket, set dial.Unix's Dial.
	Dial func(ctx context.Context) (net.Conn, error)
	// Serial asks the server by RFC 2217 to set its line so. Nil means plain
	// telnet; &Serial{} leaves the line as it is, and has modem lines and
	// error counters.
	Serial *Serial
	// Timeout is how long Open waits for the server's answer to each option and
	// setting. One that is not answered is told as an event, and the line is
	// used all the same: ser2net leaves questions unanswered that its line does
	// not know. Zero means two seconds.
	Timeout time.Duration
}

var _ serialcon.Opener = Config{}

// String is "telnet" or "rfc2217", and the address.
func (c Config) String() string {
	if c.Serial != nil {
		return "rfc2217 " + c.Address
	}
	return "telnet " + c.Address
}

// Open connects, negotiates and sets the line; the port is a *Port. The error
// is ErrNoRFC2217 if Serial is set and the server refuses it or does not answer.
func (c Config) Open(ctx context.Context) (serialcon.Port, error) {
	if c.Serial != nil {
		if err := c.Serial.check(); err != nil {
			return nil, fmt.Errorf("telnet: open %s: %w", c, err)
		}
	}
	connect := c.Dial
	if connect == nil {
		connect = dial.TCP{Address: c.Address}.Dial
	}
	conn, err := connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("telnet: open %s: %w", c, err)
	}
	p := &Port{conn: conn}
	p.m.timeout = c.Timeout
	if c.Timeout == 0 {
		p.m.timeout = 2 * time.Second
	}
	if c.Serial != nil {
		copied := *c.Serial
		p.m.serial = &copied
	}
	if err := p.negotiate(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("telnet: open %s: %w", c, err)
	}
	return p, nil
}

// negotiate asks, and reads until all was answered or its time is over. What
// the line says meanwhile is kept.
func (p *Port) negotiate(ctx context.Context) error {
	if sc, ok := p.conn.(syscall.Conn); ok {
		raw, err := sc.SyscallConn()
		if err != nil {
			return fmt.Errorf("descriptor of the connection: %w", err)
		}
		p.raw = raw
	}
	stop := context.AfterFunc(ctx, func() { _ = p.conn.Close() })
	err := p.settle()
	if !stop() || ctx.Err() != nil {
		return fmt.Errorf("negotiate: %w", ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("negotiate: %w", err)
	}
	if p.m.serial != nil && !p.m.comPort() {
		return fmt.Errorf("%w: leave Serial nil to use its line as it is", ErrNoRFC2217)
	}
	return p.conn.SetDeadline(time.Time{})
}

func (p *Port) settle() error {
	p.m.start(time.Now())
	buf := make([]byte, 4096)
	for {
		if err := p.sendOut(); err != nil {
			return err
		}
		due := p.m.due()
		if due.IsZero() || len(p.early) >= maxEarly {
			return nil
		}
		if err := p.conn.SetReadDeadline(due); err != nil {
			return err
		}
		n, err := p.conn.Read(buf)
		now := time.Now()
		n = p.m.receive(now, buf[:n])
		p.early = append(p.early, buf[:n]...)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		p.m.expire(now)
	}
}

// sendOut sends the questions of Open.
func (p *Port) sendOut() error {
	if len(p.m.out) == 0 {
		return nil
	}
	if err := p.conn.SetWriteDeadline(time.Now().Add(p.m.timeout)); err != nil {
		return err
	}
	_, err := p.conn.Write(p.m.out)
	p.m.out = p.m.out[:0]
	return err
}
