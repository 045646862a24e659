package serialcon

import (
	"context"
	"strings"
	"time"
)

// health watches the modem lines and the error counters of an open port.
type health struct {
	c        *Console
	lines    ModemLines
	counters Counters
	breaks   bool // the port does not tell of BREAKs itself
	was      Lines
	had      Counts
}

// newHealth returns nil for a port that has neither.
func newHealth(c *Console, port Port) *health {
	_, tells := port.(Notifier)
	h := &health{c: c, breaks: !tells}
	if l, ok := port.(ModemLines); ok {
		if now, err := l.Lines(); err == nil {
			h.lines, h.was = l, now
		}
	}
	if n, ok := port.(Counters); ok {
		if now, err := n.Counters(); err == nil {
			h.counters, h.had = n, now
		}
	}
	if h.lines == nil && h.counters == nil {
		return nil
	}
	return h
}

// poll asks once a second.
func (h *health) poll(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if h.lines != nil {
			h.compareLines()
		}
		if h.counters != nil {
			h.compareCounts()
		}
	}
}

func (h *health) compareLines() {
	now, err := h.lines.Lines()
	if err != nil || now == h.was {
		return
	}
	h.c.post(Event{Kind: EventLines, Text: now.changes(h.was)})
	h.was = now
}

func (h *health) compareCounts() {
	now, err := h.counters.Counters()
	if err != nil {
		return
	}
	was := h.had
	h.had = now
	grown := func(kind EventKind, n uint32, text string) {
		if n > 0 {
			h.c.post(Event{Kind: kind, N: int64(n), Text: text})
		}
	}
	grown(EventFrame, now.Frame-was.Frame, "")
	grown(EventParity, now.Parity-was.Parity, "")
	if h.breaks {
		grown(EventBreakIn, now.Break-was.Break, "")
	}
	grown(EventOverrun, now.Overrun-was.Overrun, "the UART's FIFO")
	grown(EventOverrun, now.BufferOverrun-was.BufferOverrun, "the driver's buffer")
}

// changes names what differs from before: "CTS off, CD on".
func (l Lines) changes(was Lines) string {
	var out []string
	change := func(name string, was, now bool) {
		switch {
		case now && !was:
			out = append(out, name+" on")
		case was && !now:
			out = append(out, name+" off")
		}
	}
	change("DTR", was.DTR, l.DTR)
	change("RTS", was.RTS, l.RTS)
	change("CTS", was.CTS, l.CTS)
	change("DSR", was.DSR, l.DSR)
	change("CD", was.CD, l.CD)
	change("RI", was.RI, l.RI)
	return strings.Join(out, ", ")
}
