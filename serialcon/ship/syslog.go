package ship

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

// Syslog sends entries to a syslog server over TLS, as RFC 5425 says. Addr is
// required; fields are not changed once Send or Run was called.
type Syslog struct {
	Addr string      // "host:6514"
	TLS  *tls.Config // nil trusts the system's authorities for Addr's host
	// Plain sends over TCP alone, with the same framing (RFC 6587, octet
	// counting): to a receiver on this machine, or on a network of its own.
	Plain bool
	Host  string // HOSTNAME of the messages. Empty means the machine's
	App   string // APP-NAME. Empty means "serialcon"
	// Queue is how many entries wait for the server. Zero means 10,000.
	Queue int
	// Timeout of a connection's begin and of each write. Zero means 10 s.
	Timeout time.Duration
	// Backoff is the longest wait between two tries to connect. Zero means 30 s.
	Backoff time.Duration
	Logger  *slog.Logger // nil discards

	queue queue
}

// Send queues an entry. It never waits.
func (s *Syslog) Send(e Entry) {
	s.queue.init(cmp.Or(s.Queue, 10_000))
	s.queue.put(e)
}

// Run sends what is queued until ctx ends, over as many connections as it
// takes.
func (s *Syslog) Run(ctx context.Context) error {
	s.queue.init(cmp.Or(s.Queue, 10_000))
	wait := 100 * time.Millisecond
	for ctx.Err() == nil {
		if s.once(ctx) {
			wait = 100 * time.Millisecond
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		wait = min(2*wait, cmp.Or(s.Backoff, 30*time.Second))
	}
	return nil
}

// once connects, sends as long as that goes, and reports whether it went for
// longer than a moment.
func (s *Syslog) once(ctx context.Context) (lasted bool) {
	lasted, err := s.session(ctx)
	s.queue.rewind(time.Now())
	if s.Logger != nil && ctx.Err() == nil {
		s.Logger.Warn("ship: syslog server lost", "addr", s.Addr, "err", err)
	}
	return lasted
}

// dial connects.
func (s *Syslog) dial(ctx context.Context, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	dialer := &net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second}
	var conn net.Conn
	var err error
	if s.Plain {
		conn, err = dialer.DialContext(ctx, "tcp", s.Addr)
	} else {
		conn, err = (&tls.Dialer{NetDialer: dialer, Config: s.TLS}).DialContext(ctx, "tcp", s.Addr)
	}
	if err != nil {
		return nil, fmt.Errorf("ship: connect to %s: %w", s.Addr, err)
	}
	return conn, nil
}

// session is one connection's life.
func (s *Syslog) session(ctx context.Context) (lasted bool, err error) {
	timeout := cmp.Or(s.Timeout, 10*time.Second)
	conn, err := s.dial(ctx, timeout)
	if err != nil {
		return false, err
	}
	begun := time.Now()
	defer func() { lasted = time.Since(begun) > linger }()
	reading, gone := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer gone()
	defer conn.Close()
	wg.Go(func() { // a server says nothing; the end of its stream is the news
		defer gone()
		_, _ = conn.Read(make([]byte, 1))
	})
	host, _ := os.Hostname()
	host = cmp.Or(s.Host, host)
	var buf, msg []byte
	for {
		entries, err := s.queue.peek(reading)
		if err != nil {
			return false, fmt.Errorf("ship: %s closed the connection: %w", s.Addr, err)
		}
		buf = buf[:0]
		for _, e := range entries {
			msg = e.appendSyslog(msg[:0], host, cmp.Or(s.App, "serialcon"))
			buf = append(strconv.AppendInt(buf, int64(len(msg)), 10), ' ')
			buf = append(buf, msg...)
		}
		if err := conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
			return false, err
		}
		if _, err := conn.Write(buf); err != nil {
			return false, fmt.Errorf("ship: send to %s: %w", s.Addr, err)
		}
		s.queue.sent(len(entries), time.Now())
	}
}
