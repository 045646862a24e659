package telnet

import (
	"cmp"
	"encoding/binary"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// command obeys a command of RFC 2217 and answers it with what is so afterwards.
// What makes no sense is not answered.
func (l *link) command(command byte, value []byte) {
	switch command {
	case comSignature:
		l.signature(value)
	case comBaud:
		if len(value) == 4 {
			l.baud(binary.BigEndian.Uint32(value))
		}
	case comDataSize, comParity, comStopSize:
		if len(value) == 1 {
			l.setting(command, value[0])
		}
	case comControl:
		if len(value) == 1 {
			l.control(value[0])
		}
	case comLineState:
		l.reply(comLineState, 0)
	case comModemState: // some clients poll so
		l.notifyModem(l.lines(), true)
	case comPurge:
		if len(value) == 1 && value[0] >= 1 && value[0] <= 3 {
			l.purge(value[0])
		}
	}
}

func (l *link) signature(theirs []byte) {
	if len(theirs) > 0 {
		l.note("telnet: the client's signature", "text", string(theirs))
		return
	}
	ours := cmp.Or(l.s.Signature, "hostkit serialcon")
	l.reply(comSignature, []byte(ours[:min(len(ours), maxSub-1)])...)
}

// set makes the line so, and learns how it is then. Zero is a question.
func (l *link) set(wish Serial) {
	if wish == (Serial{}) {
		return
	}
	if err := wish.check(); err != nil {
		return // what the client is told is what the line still has
	}
	setter, ok := l.line.(SerialSetter)
	if !ok {
		l.serial = l.granted(wish)
		return
	}
	l.await()
	now, err := setter.SetSerial(l.ctx, wish)
	if err != nil {
		l.note("telnet: the line does not take a setting", "err", err)
	}
	l.serial = now
}

// granted is what a line has whose settings cannot be changed.
func (l *link) granted(wish Serial) Serial {
	fixed := l.s.Serial
	return Serial{
		Baud:     cmp.Or(fixed.Baud, wish.Baud, l.serial.Baud),
		DataBits: cmp.Or(fixed.DataBits, wish.DataBits, l.serial.DataBits),
		Parity:   cmp.Or(fixed.Parity, wish.Parity, l.serial.Parity),
		StopBits: cmp.Or(fixed.StopBits, wish.StopBits, l.serial.StopBits),
		Flow:     cmp.Or(fixed.Flow, wish.Flow, l.serial.Flow),
	}
}

func (l *link) baud(rate uint32) {
	l.set(Serial{Baud: rate})
	l.reply(comBaud, binary.BigEndian.AppendUint32(nil, l.serial.Baud)...)
}

func (l *link) setting(command, value byte) {
	switch command {
	case comDataSize:
		l.set(Serial{DataBits: value})
		value = l.serial.DataBits
	case comParity:
		l.set(Serial{Parity: Parity(value)})
		value = byte(l.serial.Parity)
	case comStopSize:
		l.set(Serial{StopBits: StopBits(value)})
		value = byte(l.serial.StopBits)
	}
	l.reply(command, value)
}

// control obeys SET-CONTROL. Flow control is the same in both directions.
func (l *link) control(v byte) {
	switch {
	case v <= byte(FlowHardware):
		l.set(Serial{Flow: Flow(v)})
		v = byte(l.serial.Flow)
	case v <= controlBreakOff:
		v = l.controlBreak(v)
	case v <= controlRTSOff:
		v = l.controlLines(v)
	case v == controlFlowIn:
		v += byte(cmp.Or(l.serial.Flow, FlowNone))
	case v <= controlFlowIn+byte(FlowHardware):
		l.set(Serial{Flow: Flow(v - controlFlowIn)})
		v = controlFlowIn + byte(l.serial.Flow)
	case v <= controlLast: // by DCD, DTR or DSR alone: not offered
		v = byte(l.serial.Flow)
	default:
		return
	}
	l.reply(comControl, v)
}

func (l *link) controlBreak(v byte) byte {
	on := l.brk.on()
	switch v {
	case controlBreakOn:
		l.await()
		on = l.startBreak(serialcon.MaxBreak)
	case controlBreakOff:
		l.brk.stop()
		on = false
	}
	if on {
		return controlBreakOn
	}
	return controlBreakOff
}

func (l *link) controlLines(v byte) byte {
	now := l.lines()
	dtr, rts := now.DTR, now.RTS
	switch v {
	case controlDTROn, controlDTROff:
		dtr = v == controlDTROn
	case controlRTSOn, controlRTSOff:
		rts = v == controlRTSOn
	}
	if dtr != now.DTR || rts != now.RTS {
		l.await()
		l.setLines(dtr, rts)
		now = l.lines()
	}
	switch {
	case v <= controlDTROff && now.DTR:
		return controlDTROn
	case v <= controlDTROff:
		return controlDTROff
	case now.RTS:
		return controlRTSOn
	}
	return controlRTSOff
}

// setLines sets DTR and RTS. Those of a line that has none count as set.
func (l *link) setLines(dtr, rts bool) {
	if m, ok := l.line.(serialcon.ModemLines); ok && m.SetLines(dtr, rts) == nil {
		l.poke()
		return
	}
	l.modem.Lock()
	l.dtr, l.rts, l.virtual = dtr, rts, true
	l.modem.Unlock()
}

func (l *link) purge(which byte) {
	said, written := which&1 != 0, which&2 != 0
	if written {
		l.inbox.clear()
	}
	if p, ok := l.line.(Purger); ok {
		if err := p.Purge(said, written); err != nil {
			l.note("telnet: the line does not drop what it holds", "err", err)
		}
	}
	l.reply(comPurge, which)
}
