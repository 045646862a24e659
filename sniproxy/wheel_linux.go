package sniproxy

import (
	"math/bits"
	"time"
)

// A wheel has timers of many connections at next to no cost: setting one is linking
// it into a list. It is exact to one tick and never early. One goroutine uses it.
type wheel struct {
	lists [wheelSize]*timer
	used  [wheelSize / 64]uint64 // a bit for each list that is not empty
	tick  int64                  // all before it has been looked at
}

const (
	wheelTick = 16 * time.Millisecond
	wheelSize = 2048 // 32 s; what is later goes around more than once
)

// A timer belongs to at most one wheel.
type timer struct {
	next, prev *timer
	at         int64 // the tick it is due
	list       int32
	set        bool
	owner      *conn // of the timer: one of these is set
	acceptor   *acceptor
}

// set makes t due at a time from the wheel's beginning.
func (w *wheel) set(t *timer, at time.Duration) {
	w.stop(t)
	t.at = max(int64((at+wheelTick-1)/wheelTick), w.tick)
	w.link(t)
}

func (w *wheel) link(t *timer) {
	i := min(t.at, w.tick+wheelSize-2) % wheelSize // never the list that advance empties
	t.list, t.set = int32(i), true
	t.prev, t.next = nil, w.lists[i]
	if t.next != nil {
		t.next.prev = t
	}
	w.lists[i] = t
	w.used[i/64] |= 1 << (i % 64)
}

// stop makes t due never.
func (w *wheel) stop(t *timer) {
	if !t.set {
		return
	}
	if t.next != nil {
		t.next.prev = t.prev
	}
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		w.lists[t.list] = t.next
		if t.next == nil {
			w.used[t.list/64] &^= 1 << (t.list % 64)
		}
	}
	t.next, t.prev, t.set = nil, nil, false
}

// advance calls due for each timer whose time has come. due may set timers.
func (w *wheel) advance(now time.Duration, due func(*timer)) {
	last := int64(now / wheelTick)
	for w.tick <= last {
		i := w.tick % wheelSize
		w.tick++ // first, so that what due sets comes into another list
		for t := w.lists[i]; t != nil; t = w.lists[i] {
			w.stop(t)
			if t.at < w.tick {
				due(t)
			} else {
				w.link(t)
			}
		}
		w.skip(last)
	}
}

// skip passes over empty lists.
func (w *wheel) skip(last int64) {
	if next, ok := w.nextTick(); !ok || next > last {
		w.tick = max(w.tick, last+1)
	} else {
		w.tick = max(w.tick, next)
	}
}

// next returns when advance should be called again.
func (w *wheel) next() (at time.Duration, ok bool) {
	tick, ok := w.nextTick()
	return time.Duration(tick) * wheelTick, ok
}

func (w *wheel) nextTick() (tick int64, ok bool) {
	from := w.tick % wheelSize
	word := w.used[from/64] &^ (1<<(from%64) - 1)
	for i := range int64(wheelSize/64 + 1) {
		at := (from/64 + i) % (wheelSize / 64)
		if i > 0 {
			word = w.used[at]
		}
		if word != 0 {
			list := at*64 + int64(bits.TrailingZeros64(word))
			return w.tick + (list-from+wheelSize)%wheelSize, true
		}
	}
	return 0, false
}
