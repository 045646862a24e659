package serialcontest

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"time"
)

// lineLength is the length of a Host's lines, with CR LF.
const lineLength = 64

// Host is a machine that talks all the time, in lines of 64 bytes that each
// tell their number, so that a Verifier finds what is missing.
type Host struct {
	Name string // at most 24 bytes, no space
	// Rate is in bytes a second. Zero means as fast as they are taken.
	Rate int
}

// Line returns the host's line of that number, from zero.
func (h *Host) Line(n int64) []byte {
	line := make([]byte, 0, lineLength)
	line = append(line, h.Name...)
	line = append(line, ' ')
	digits := strconv.AppendInt(nil, n, 10)
	for range 12 - len(digits) {
		line = append(line, '0')
	}
	line = append(append(line, digits...), ' ')
	for i := int64(0); len(line) < lineLength-10; i++ {
		line = append(line, byte('a'+(n+i)%26))
	}
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(line))
	return append(hex.AppendEncode(line, sum), '\r', '\n')
}

// Run writes lines until ctx ends, in bursts of 20 ms, and returns how many
// lines it wrote whole. An error of w ends it.
func (h *Host) Run(ctx context.Context, w io.Writer) (lines int64, err error) {
	if h.Rate == 0 {
		for ctx.Err() == nil {
			if _, err := w.Write(h.Line(lines)); err != nil {
				return lines, err
			}
			lines++
		}
		return lines, nil
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	var burst []byte
	for {
		select {
		case <-ctx.Done():
			return lines, nil
		case now := <-tick.C:
			burst = burst[:0]
			due := int64(now.Sub(began).Seconds()*float64(h.Rate)) / lineLength
			for n := lines; n < due; n++ {
				burst = append(burst, h.Line(n)...)
			}
			if len(burst) == 0 {
				continue
			}
			if _, err := w.Write(burst); err != nil {
				return lines, err
			}
			lines = due
		}
	}
}

// Verifier reads what a Host wrote, as an io.Writer. Lines that are not the
// host's (marks) are counted and passed over.
type Verifier struct {
	Name string // the host's

	Lines    int64 // good ones
	Missing  int64 // between the first and the last that came
	Repeated int64
	Damaged  int64 // the host's name, and something wrong behind it
	Foreign  int64

	next    int64
	started bool
	rest    []byte
}

// Write takes what came next. It never fails.
func (v *Verifier) Write(p []byte) (int, error) {
	v.rest = append(v.rest, p...)
	for {
		at := bytes.IndexByte(v.rest, '\n')
		if at < 0 {
			return len(p), nil
		}
		v.line(v.rest[:at+1])
		v.rest = v.rest[at+1:]
	}
}

func (v *Verifier) line(line []byte) {
	tail, ok := bytes.CutPrefix(line, []byte(v.Name+" "))
	if !ok {
		v.Foreign++
		return
	}
	digits, _, _ := bytes.Cut(tail, []byte(" "))
	n, err := strconv.ParseInt(string(digits), 10, 64)
	host := Host{Name: v.Name}
	switch {
	case err != nil || !bytes.Equal(line, host.Line(n)):
		v.Damaged++
		return
	case v.started && n < v.next:
		v.Repeated++
		return
	case v.started:
		v.Missing += n - v.next
	}
	v.started = true
	v.next = n + 1
	v.Lines++
}

// Next is the number of the line that is due.
func (v *Verifier) Next() int64 { return v.next }

// String is the count of everything, for messages.
func (v *Verifier) String() string {
	return fmt.Sprintf("%d lines, %d missing, %d repeated, %d damaged, %d foreign", v.Lines, v.Missing, v.Repeated, v.Damaged, v.Foreign)
}
