package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy"
)

// accessQueue is how many lines wait for the disk.
const accessQueue = 8192

// accessLog is a file with a JSON object on a line for each connection and each
// request. It never makes a connection wait: what the disk does not take in time
// is counted, and the count is the next line.
type accessLog struct {
	path  string
	lines chan []byte
	lost  atomic.Int64
	log   *slog.Logger

	mu   sync.Mutex // guards all below
	file *os.File   // nil without a log
	out  *bufio.Writer
}

// accessLine is a line of the log.
type accessLine struct {
	Time       time.Time `json:"time"`
	ID         string    `json:"id"`
	Proto      string    `json:"proto"`
	Client     string    `json:"client"`
	Local      string    `json:"local"`
	Front      string    `json:"front,omitempty"`
	Name       string    `json:"name"`
	Site       string    `json:"site,omitempty"`
	Backend    string    `json:"backend,omitempty"`
	Result     string    `json:"result"`
	Error      string    `json:"error,omitempty"`
	Proxy      string    `json:"proxy,omitempty"`
	HelloBytes int       `json:"hello_bytes,omitempty"`
	HelloMS    float64   `json:"hello_ms"`
	DialMS     float64   `json:"dial_ms,omitempty"`
	MS         float64   `json:"ms"`
	Received   int64     `json:"received"`
	Sent       int64     `json:"sent"`
	Method     string    `json:"method,omitempty"`
	Status     int       `json:"status,omitempty"`
}

func openAccessLog(path string, log *slog.Logger) (*accessLog, error) {
	a := &accessLog{path: path, lines: make(chan []byte, accessQueue), log: log}
	return a, a.reopen()
}

// reopen goes on in a new file when the old one was moved away.
func (a *accessLog) reopen() error {
	if a.path == "" {
		return nil
	}
	f, err := os.OpenFile(a.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return fmt.Errorf("access_log: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closeFile()
	a.file, a.out = f, bufio.NewWriterSize(f, 64<<10)
	return nil
}

// closeFile is called with the lock held.
func (a *accessLog) closeFile() {
	if a.file == nil {
		return
	}
	if err := a.out.Flush(); err != nil {
		a.log.Error("access log", "err", err)
	}
	a.file.Close()
	a.file = nil
}

func (a *accessLog) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closeFile()
}

// add queues a line. Strangers' bytes are in it, which JSON quotes.
func (a *accessLog) add(r *sniproxy.Record) {
	if a.path == "" {
		return
	}
	line, err := json.Marshal(newAccessLine(r))
	if err != nil {
		a.lost.Add(1)
		return
	}
	select {
	case a.lines <- line:
	default:
		a.lost.Add(1)
	}
}

func newAccessLine(r *sniproxy.Record) accessLine {
	l := accessLine{
		Time: r.Start.UTC(), ID: r.ID, Proto: r.Proto.String(), Client: r.Client.String(), Local: r.Local.String(),
		Front: show(r.Front), Name: r.Name, Site: r.Site, Backend: show(r.Backend), Result: r.Result.String(),
		HelloBytes: r.HelloSize, HelloMS: millis(r.HelloTook), DialMS: millis(r.DialTook), MS: millis(r.Took),
		Received: r.Received, Sent: r.Sent, Method: r.Method, Status: r.Status,
	}
	if r.ProxyOut != 0 {
		l.Proxy = r.ProxyOut.String()
	}
	if r.Err != nil {
		l.Error = r.Err.Error()
	}
	return l
}

func show(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// flushEvery is how late a line may be in the file.
const flushEvery = time.Second

// run writes lines until ctx ends, and then those that are left.
func (a *accessLog) run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	failing := false
	for {
		var err error
		select {
		case line := <-a.lines:
			err = a.write(line)
		case <-tick.C:
			err = a.flush()
		case <-ctx.Done():
			return a.writeLeft()
		}
		if err != nil && !failing {
			a.log.Error("access log: lines are lost", "err", err)
		}
		failing = err != nil
	}
}

func (a *accessLog) writeLeft() error {
	var errs []error
	for {
		select {
		case line := <-a.lines:
			errs = append(errs, a.write(line))
		default:
			return errors.Join(append(errs, a.flush())...)
		}
	}
}

func (a *accessLog) write(line []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := a.lost.Swap(0); n > 0 {
		if _, err := fmt.Fprintf(a.out, `{"time":%q,"lost":%d}`+"\n", time.Now().UTC().Format(time.RFC3339Nano), n); err != nil {
			return a.fresh(err)
		}
	}
	if _, err := a.out.Write(append(line, '\n')); err != nil {
		return a.fresh(err)
	}
	return nil
}

func (a *accessLog) flush() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		return nil
	}
	if err := a.out.Flush(); err != nil {
		return a.fresh(err)
	}
	return nil
}

// fresh forgets what a full disk did not take, so that later lines can be
// written. It is called with the lock held.
func (a *accessLog) fresh(err error) error {
	a.lost.Add(1)
	a.out.Reset(a.file)
	return err
}
