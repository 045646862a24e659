package serialcontest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// patience is how long a step may take before the suite calls it stuck.
const patience = 20 * time.Second

// TestPort checks that an Opener's ports keep the promises of serialcon.Port
// and of the optional interfaces that they implement. start makes a fresh
// Opener and its far end: what is written there the port reads, and the other
// way round; closing it is the line's end. A far end that exists only after
// Open waits for it in its methods.
func TestPort(t *testing.T, start func(t *testing.T) (o serialcon.Opener, far io.ReadWriteCloser)) {
	t.Helper()
	for _, step := range []struct {
		name string
		run  func(t *testing.T, e *ends)
	}{
		{"every byte both ways", everyByte},
		{"a read returns what is there", partialRead},
		{"a read deadline takes nothing away", readDeadline},
		{"a write deadline that has passed", writeDeadline},
		{"close wakes a reader", closeWakesReader},
		{"close wakes a writer", closeWakesWriter},
		{"a closed port stays closed", closedStays},
		{"read and write at once", bothWays},
		{"the far end goes", farGoes},
		{"a break", sendBreak},
		{"lines and counters", linesAndCounters},
		{"ready reads never wait", readyNeverWaits},
	} {
		t.Run(step.name, func(t *testing.T) {
			o, far := start(t)
			if o.String() == "" {
				t.Error("String is empty")
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			port, err := o.Open(ctx)
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			e := &ends{port: port, far: far}
			defer func() {
				_ = port.Close()
				_ = far.Close()
			}()
			step.run(t, e)
		})
	}
}

// ends are the two ends of a line.
type ends struct {
	port serialcon.Port
	far  io.ReadWriteCloser
}

// within fails the test if fn does not return in time.
func within(t *testing.T, what string, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.Fatalf("%s does not return", what)
	}
}

func (e *ends) say(t *testing.T, p []byte) {
	t.Helper()
	within(t, "a write at the far end", func() {
		if _, err := e.far.Write(p); err != nil {
			t.Errorf("write at the far end: %v", err)
		}
	})
}

func (e *ends) expect(t *testing.T, r io.Reader, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	within(t, "a read of bytes that were sent", func() {
		if n, err := io.ReadFull(r, got); err != nil {
			t.Errorf("read: %v after %d of %d bytes", err, n, len(want))
		}
	})
	if !bytes.Equal(got, want) {
		t.Fatalf("read %.100q, want %.100q", got, want)
	}
}

func allBytes() []byte {
	p := make([]byte, 0, 3*256)
	for i := range 256 {
		p = append(p, byte(i), 0xff, byte(255-i))
	}
	return p
}

func everyByte(t *testing.T, e *ends) {
	e.say(t, allBytes())
	e.expect(t, e.port, allBytes())
	within(t, "Write", func() {
		if n, err := e.port.Write(allBytes()); err != nil || n != len(allBytes()) {
			t.Errorf("Write: %d, %v", n, err)
		}
	})
	e.expect(t, e.far, allBytes())
}

func partialRead(t *testing.T, e *ends) {
	e.say(t, []byte("login: "))
	buf := make([]byte, 4096)
	var got []byte
	within(t, "Read", func() {
		for len(got) < 7 {
			n, err := e.port.Read(buf)
			got = append(got, buf[:n]...)
			if err != nil {
				t.Errorf("Read: %v", err)
				return
			}
		}
	})
	if string(got) != "login: " {
		t.Fatalf("read %q", got)
	}
}

func readDeadline(t *testing.T, e *ends) {
	if err := e.port.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatalf("SetReadDeadline: %v", err)
	}
	buf := make([]byte, 64)
	within(t, "Read with a deadline", func() {
		n, err := e.port.Read(buf)
		if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read: %d, %v; want os.ErrDeadlineExceeded", n, err)
		}
	})
	woken := make(chan error, 1)
	_ = e.port.SetReadDeadline(time.Time{})
	go func() {
		_, err := e.port.Read(buf)
		woken <- err
	}()
	_ = e.port.SetReadDeadline(time.Unix(1, 0))
	within(t, "a Read whose deadline was moved into the past", func() {
		if err := <-woken; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read: %v; want os.ErrDeadlineExceeded", err)
		}
	})
	e.say(t, []byte("kept"))
	_ = e.port.SetReadDeadline(time.Time{})
	e.expect(t, e.port, []byte("kept"))
}

func writeDeadline(t *testing.T, e *ends) {
	if err := e.port.SetWriteDeadline(time.Unix(1, 0)); err != nil {
		t.Fatalf("SetWriteDeadline: %v", err)
	}
	within(t, "Write after its deadline", func() {
		if n, err := e.port.Write([]byte("x")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write: %d, %v; want os.ErrDeadlineExceeded", n, err)
		}
	})
	_ = e.port.SetWriteDeadline(time.Time{})
	within(t, "Write", func() {
		if _, err := e.port.Write([]byte("kept")); err != nil {
			t.Errorf("Write without a deadline: %v", err)
		}
	})
	e.expect(t, e.far, []byte("kept"))
}

func closeWakesReader(t *testing.T, e *ends) {
	woken := make(chan error, 1)
	go func() {
		_, err := e.port.Read(make([]byte, 1))
		woken <- err
	}()
	if err := e.port.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	within(t, "Read of a port that was closed", func() {
		if err := <-woken; err == nil {
			t.Error("Read of a closed port: no error")
		}
	})
}

// closeWakesWriter writes more than any buffer on the way holds; nobody reads.
func closeWakesWriter(t *testing.T, e *ends) {
	began := make(chan struct{})
	woken := make(chan struct{})
	go func() {
		defer close(woken)
		close(began)
		block := make([]byte, 64<<10)
		for range 256 {
			if _, err := e.port.Write(block); err != nil {
				return
			}
		}
	}()
	<-began
	_ = e.port.Close()
	within(t, "Write of a port that was closed", func() { <-woken })
}

func closedStays(t *testing.T, e *ends) {
	_ = e.port.Close()
	within(t, "calls of a closed port", func() {
		_ = e.port.Close()
		if _, err := e.port.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read: %v", err)
		}
		if _, err := e.port.Write([]byte("x")); err == nil {
			t.Error("Write: no error")
		}
	})
}

func bothWays(t *testing.T, e *ends) {
	const blocks = 64
	down := bytes.Repeat([]byte("down "), 200)
	up := bytes.Repeat([]byte("up "), 300)
	var wg sync.WaitGroup
	write := func(w io.Writer, p []byte) {
		for range blocks {
			if _, err := w.Write(p); err != nil {
				t.Errorf("write: %v", err)
				return
			}
		}
	}
	read := func(r io.Reader, p []byte) {
		got := make([]byte, blocks*len(p))
		if n, err := io.ReadFull(r, got); err != nil {
			t.Errorf("read: %v after %d bytes", err, n)
		} else if !bytes.Equal(got, bytes.Repeat(p, blocks)) {
			t.Error("bytes are not those that were written")
		}
	}
	wg.Go(func() { write(e.far, down) })
	wg.Go(func() { read(e.port, down) })
	wg.Go(func() { write(e.port, up) })
	wg.Go(func() { read(e.far, up) })
	within(t, "reading and writing at once", wg.Wait)
}

func farGoes(t *testing.T, e *ends) {
	e.say(t, []byte("x"))
	e.expect(t, e.port, []byte("x"))
	_ = e.far.Close()
	within(t, "Read after the far end went", func() {
		if _, err := io.Copy(io.Discard, failOnNothing{e.port}); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read: %v, which says that the line is still there", err)
		}
	})
}

// failOnNothing makes a read of nothing without an error an error, which would
// make its caller spin.
type failOnNothing struct{ r io.Reader }

func (f failOnNothing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if n == 0 && err == nil {
		err = errors.New("serialcontest: Read returned 0 and no error")
	}
	return n, err
}

func sendBreak(t *testing.T, e *ends) {
	b, ok := e.port.(serialcon.Breaker)
	if !ok {
		t.Log("no Breaker")
		return
	}
	within(t, "Break", func() {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_ = b.Break(ended, serialcon.MaxBreak)
		if err := b.Break(t.Context(), 10*time.Millisecond); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Break: %v", err)
		}
		if _, err := e.port.Write([]byte("after")); err != nil {
			t.Errorf("Write after a BREAK: %v", err)
		}
	})
	_ = e.port.Close()
	within(t, "Break of a closed port", func() {
		if b.Break(t.Context(), 10*time.Millisecond) == nil {
			t.Error("Break of a closed port: no error")
		}
	})
}

func linesAndCounters(t *testing.T, e *ends) {
	if l, ok := e.port.(serialcon.ModemLines); ok {
		if _, err := l.Lines(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Lines: %v", err)
		}
		if err := l.SetLines(true, true); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("SetLines: %v", err)
		}
	}
	if c, ok := e.port.(serialcon.Counters); ok {
		if _, err := c.Counters(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Counters: %v", err)
		}
	}
	if n, ok := e.port.(serialcon.Notifier); ok {
		n.Notify(func(serialcon.Event) {})
	}
}

func readyNeverWaits(t *testing.T, e *ends) {
	r, ok := e.port.(serialcon.ReadyReader)
	if !ok {
		t.Log("no ReadyReader")
		return
	}
	buf := make([]byte, 1024)
	within(t, "ReadReady", func() {
		if n, err := r.ReadReady(buf); n != 0 || err != nil {
			t.Errorf("ReadReady with nothing there: %d, %v", n, err)
		}
	})
	e.say(t, []byte("ready"))
	var got []byte
	within(t, "ReadReady until the bytes are there", func() {
		for len(got) < len("ready") {
			n, err := r.ReadReady(buf)
			got = append(got, buf[:n]...)
			if err != nil {
				t.Errorf("ReadReady: %v", err)
				return
			}
		}
	})
	if string(got) != "ready" {
		t.Errorf("ReadReady gave %q", got)
	}
	_ = e.port.Close()
	if _, err := r.ReadReady(buf); err == nil {
		t.Error("ReadReady of a closed port: no error")
	}
}
