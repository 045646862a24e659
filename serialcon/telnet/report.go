package telnet

import (
	"cmp"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// lines are the line's modem lines. One that has none is ready.
func (l *link) lines() serialcon.Lines {
	now := serialcon.Lines{CTS: true, DSR: true, CD: true}
	m, ok := l.line.(serialcon.ModemLines)
	if ok {
		got, err := m.Lines()
		if ok = err == nil; ok {
			now = got
		}
	}
	l.modem.Lock()
	defer l.modem.Unlock()
	if !ok || l.virtual {
		now.DTR, now.RTS = l.dtr, l.rts
	}
	return now
}

// notifyModem tells the client of modem lines: always, or if one that it wants to
// know of is not as it was told.
func (l *link) notifyModem(now serialcon.Lines, always bool) {
	state := modemBits(now)
	l.modem.Lock()
	defer l.modem.Unlock()
	changed := state ^ l.told
	delta := changed >> 4
	if now.RI {
		delta &^= modemRI >> 4 // its end alone counts
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.h.comPort() || !always && (changed|delta)&l.h.modemMask == 0 {
		return
	}
	l.told = state
	l.h.reply(comModemState, (state|delta)&l.h.modemMask)
}

func modemBits(l serialcon.Lines) (bits byte) {
	for _, b := range []struct {
		on  bool
		bit byte
	}{{l.CTS, modemCTS}, {l.DSR, modemDSR}, {l.RI, modemRI}, {l.CD, modemCD}} {
		if b.on {
			bits |= b.bit
		}
	}
	return bits
}

// notifyLine tells the client of errors, if it wants to know.
func (l *link) notifyLine(bits byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bits &= l.h.lineMask; bits != 0 && l.h.comPort() {
		l.h.reply(comLineState, bits)
	}
}

// heard takes what a line tells by itself.
func (l *link) heard(e serialcon.Event) {
	var bit uint32
	switch e.Kind {
	case serialcon.EventBreakIn:
		bit = lineBreak
	case serialcon.EventFrame:
		bit = lineFraming
	case serialcon.EventParity:
		bit = lineParity
	case serialcon.EventOverrun:
		bit = lineOverrun
	default:
		return
	}
	l.errs.Or(bit)
	l.poke()
}

// poke makes watch look at once.
func (l *link) poke() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// grown are the errors that were counted since.
func grown(had, now serialcon.Counts) (bits uint32) {
	for _, c := range []struct {
		had, now uint32
		bit      uint32
	}{
		{had.Overrun, now.Overrun, lineOverrun}, {had.BufferOverrun, now.BufferOverrun, lineOverrun},
		{had.Parity, now.Parity, lineParity}, {had.Frame, now.Frame, lineFraming}, {had.Break, now.Break, lineBreak},
	} {
		if c.had != c.now {
			bits |= c.bit
		}
	}
	return bits
}

// watch tells the client of modem lines that change, and of errors.
func (l *link) watch() {
	tick := time.NewTicker(cmp.Or(l.s.Poll, 250*time.Millisecond))
	defer tick.Stop()
	counters, _ := l.line.(serialcon.Counters)
	_, tells := l.line.(serialcon.Notifier)
	var had serialcon.Counts
	if counters != nil {
		had, _ = counters.Counters() // an error is that of each later call
	}
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-tick.C:
		case <-l.kick:
		}
		if counters != nil {
			if now, err := counters.Counters(); err == nil {
				if tells {
					had.Break = now.Break // which it says itself
				}
				l.errs.Or(grown(had, now))
				had = now
			}
		}
		l.notifyModem(l.lines(), false)
		l.notifyLine(byte(l.errs.Swap(0)))
		if err := l.send(nil); err != nil {
			l.end(err)
			return
		}
	}
}
