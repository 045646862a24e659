package main

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
)

// maxLines is how many log lines are kept and shown.
const maxLines = 200

// board is what the page shows: a row for each machine and the log. It numbers
// every change. A reader remembers the number that it has seen, and asks for
// what came after it; so a slow reader skips states, is never waited for, and
// costs no memory.
type board struct {
	tracker *netboot.Tracker
	epoch   string // tells this board from that of an earlier process

	mu      sync.Mutex // guards all below
	seq     uint64
	rows    []*entry // in the order of the shelf
	byName  map[string]*entry
	lines   []line        // oldest first
	changed chan struct{} // closed and replaced at each change
}

var _ netboot.Observer = (*board)(nil)

// entry is what the board knows of a machine beside its [netboot.Status].
type entry struct {
	name, model string
	total       int64 // bytes that it loads in a whole boot
	off         bool
	last        string // the last event
	seq         uint64
}

// line is a line of the log.
type line struct {
	Seq     uint64 `json:"seq"`
	Time    string `json:"time"`
	Machine string `json:"machine"`
	Text    string `json:"text"`
	Class   string `json:"class"`
}

// news is what changed since a reader last asked.
type news struct {
	Rows    []row  `json:"rows"`
	Lines   []line `json:"lines"` // oldest first
	Summary string `json:"summary"`
	Cursor  string `json:"-"` // where to go on
	seq     uint64
}

func newBoard(began time.Time) *board {
	b := &board{
		epoch:   strconv.FormatInt(began.UnixNano(), 36),
		byName:  make(map[string]*entry),
		changed: make(chan struct{}),
	}
	b.tracker = &netboot.Tracker{Next: b}
	return b
}

// add puts a machine on the board, below the others.
func (b *board) add(name, model string, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := &entry{name: name, model: model, total: total, off: true, last: "power is off"}
	b.rows = append(b.rows, e)
	b.byName[name] = e
	b.change(e)
}

// Observe is told of every event after the tracker has taken it in.
func (b *board) Observe(e netboot.Event) {
	text, class := describe(e)
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.byName[e.Machine]
	if r != nil {
		if e.Kind == netboot.PoweredOn {
			r.off = false
		}
		if text != "" {
			r.last = text
		}
	}
	b.change(r)
	if text != "" && e.Kind != netboot.FileMissing && e.Kind != netboot.FileProbed {
		b.log(e.At, e.Machine, text, class)
	}
}

// switchedOff notes that a machine lost its power.
func (b *board) switchedOff(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.byName[name]
	if r == nil || r.off {
		return
	}
	r.off, r.last = true, "power is off"
	b.change(r)
	b.log(time.Now(), name, r.last, "off")
}

// change numbers a change, of a row where r is not nil, and wakes all readers.
// It is called with mu held.
func (b *board) change(r *entry) {
	b.seq++
	if r != nil {
		r.seq = b.seq
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// log is called with mu held, after change.
func (b *board) log(at time.Time, machine, text, class string) {
	if len(b.lines) == maxLines {
		b.lines = append(b.lines[:0], b.lines[1:]...)
	}
	b.lines = append(b.lines, line{b.seq, at.Format("15:04:05.000"), printable(machine), text, class})
}

// since returns what changed after seq, and a channel that is closed at the
// next change.
func (b *board) since(seq uint64) (news, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := news{Rows: []row{}, Lines: []line{}, seq: b.seq, Cursor: b.epoch + "-" + strconv.FormatUint(b.seq, 10)}
	var count tally
	for _, e := range b.rows {
		status, _ := b.tracker.Status(e.name)
		r := newRow(e, status)
		count.add(r.Class)
		if e.seq > seq {
			n.Rows = append(n.Rows, r)
		}
	}
	for _, l := range b.lines {
		if l.Seq > seq {
			n.Lines = append(n.Lines, l)
		}
	}
	n.Summary = count.String()
	return n, b.changed
}

// parseCursor returns the number of a change from [news.Cursor]; ok is false
// when it is another board's.
func (b *board) parseCursor(s string) (seq uint64, ok bool) {
	epoch, number, _ := strings.Cut(s, "-")
	seq, err := strconv.ParseUint(number, 10, 64)
	return seq, err == nil && epoch == b.epoch
}
