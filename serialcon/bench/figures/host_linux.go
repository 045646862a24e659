package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

// lineLength is that of serialcontest.Host.
const lineLength = 64

// A device is a machine at the far end of a pseudo-terminal, whose tty a server
// opens as DIR/NAME. As a UART does, it loses what the tty does not take.
type device struct {
	serialcontest.Host
	pty    *serialcontest.PTY
	fd     int
	hold   *os.File // keeps the tty's buffer over a server's opening and closing
	bursts int64
	said   int64 // bytes of its lines, lost or not
	lost   int64 // bytes that the tty did not take
	burst  []byte
}

type rack []*device

// openRack makes n devices, and links to their ttys in dir.
func openRack(n int, dir string) (r rack, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	for i := range n {
		d := &device{Host: serialcontest.Host{Name: fmt.Sprintf("c%04d", i+1)}}
		if d.pty, err = serialcontest.OpenPTY(); err != nil {
			return r, err
		}
		r = append(r, d)
		raw, err := d.pty.SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) { d.fd = int(fd) })
		}
		if err != nil {
			return r, err
		}
		if d.hold, err = os.OpenFile(d.pty.Path, os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
			return r, err
		}
		if err := os.Symlink(d.pty.Path, filepath.Join(dir, d.Name)); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (r rack) close() {
	for _, d := range r {
		if d.hold != nil {
			_ = d.hold.Close()
		}
		_ = d.pty.Close()
	}
}

// tick is how often a device's UART hands over what came, and slots how many
// groups of devices do that at different times.
const (
	tick  = 10 * time.Millisecond
	slots = 10
)

// maxBurst is how much a device says at most at once to catch up when this
// process was not run for a while: no UART hands over more than its line carries.
const maxBurst = 2 << 10

// talk makes all devices talk for a time, by a thread that nothing else uses.
func (r rack) talk(ctx context.Context, rate int, last time.Duration) error {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	if err := nice(unix.Gettid(), deviceNice); err != nil {
		return err
	}
	began := time.Now()
	for slot := 0; ctx.Err() == nil; slot = (slot + 1) % slots {
		passed := time.Since(began)
		if passed >= last {
			break
		}
		for i := slot; i < len(r); i += slots {
			r[i].say(min(int64(float64(rate)*passed.Seconds()), r[i].said+maxBurst))
		}
		time.Sleep(passed + tick/slots - time.Since(began))
	}
	for _, d := range r { // to the end of the line
		d.say((d.said + lineLength - 1) / lineLength * lineLength)
	}
	return ctx.Err()
}

// say goes on to the byte of that number.
func (d *device) say(to int64) {
	d.burst = d.burst[:0]
	for d.said < to {
		line := d.Line(d.said / lineLength)[d.said%lineLength:]
		line = line[:min(int64(len(line)), to-d.said)]
		d.burst = append(d.burst, line...)
		d.said += int64(len(line))
	}
	d.bursts++
	for b := d.burst; len(b) > 0; {
		n, err := unix.Write(d.fd, b)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			d.lost += int64(len(b))
			return
		}
		b = b[n:]
	}
}

// totals are the bytes that were said, those of them that no tty took, and the
// bursts.
func (r rack) totals() (said, refused, bursts int64) {
	for _, d := range r {
		said += d.said
		refused += d.lost
		bursts += d.bursts
	}
	return said, refused, bursts
}

// missing is how many bytes of a device's lines are not whole in a text, which
// may hold more: stamps, marks.
func (d *device) missing(text string) (bytes int64, v *serialcontest.Verifier) {
	v = &serialcontest.Verifier{Name: d.Name}
	for line := range strings.Lines(text) {
		if at := strings.Index(line, d.Name+" "); at >= 0 {
			_, _ = v.Write([]byte(strings.TrimRight(line[at:], "\r\n") + "\r\n"))
		}
	}
	return d.said - v.Lines*lineLength, v
}
