package telnet

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// Commands of RFC 2217, as the client sends them.
const (
	comBaud        = 1
	comDataSize    = 2
	comParity      = 3
	comStopSize    = 4
	comControl     = 5
	comLineState   = 6
	comModemState  = 7
	comSuspend     = 8
	comResume      = 9
	comLineMask    = 10
	comModemMask   = 11
	comPurge       = 12
	fromServer     = 100 // is added by the server
	controlBreakOn = 5
	controlDTROn   = 8
	controlDTROff  = 9
	controlRTSOn   = 11
	controlRTSOff  = 12
)

// Bits of NOTIFY-LINESTATE and NOTIFY-MODEMSTATE.
const (
	lineOverrun = 1 << 1
	lineParity  = 1 << 2
	lineFraming = 1 << 3
	lineBreak   = 1 << 4
	modemCTS    = 1 << 4
	modemDSR    = 1 << 5
	modemRI     = 1 << 6
	modemCD     = 1 << 7
)

// lineState is what the server said of its line.
type lineState struct {
	lines  serialcon.Lines
	counts serialcon.Counts
}

// configure asks for the settings, all at once; each has its own time.
func (m *machine) configure() {
	s := m.serial
	if s.Baud != 0 {
		m.question("baud rate", comBaud, s.Baud, binary.BigEndian.AppendUint32(nil, s.Baud)...)
	}
	for _, q := range []struct {
		name    string
		command byte
		value   byte
	}{
		{"data bits", comDataSize, s.DataBits},
		{"parity", comParity, byte(s.Parity)},
		{"stop bits", comStopSize, byte(s.StopBits)},
		{"flow control", comControl, byte(s.Flow)},
	} {
		if q.value != 0 {
			m.question(q.name, q.command, uint32(q.value), q.value)
		}
	}
	m.out = appendSub(m.out, comLineMask, lineOverrun|lineParity|lineFraming|lineBreak)
	m.out = appendSub(m.out, comModemMask, 0xff)
}

func (m *machine) question(name string, command byte, value uint32, wire ...byte) {
	m.pending[name] = m.now.Add(m.timeout)
	m.asked[name] = value
	m.out = appendSub(m.out, command, wire...)
}

// reply takes what the server says of its line.
func (m *machine) reply(command byte, value []byte) {
	switch command - fromServer {
	case comBaud:
		if len(value) == 4 {
			m.answered("baud rate", binary.BigEndian.Uint32(value))
		}
		return
	case comSuspend:
		if !m.held {
			m.note(serialcon.Event{Kind: serialcon.EventNote, Text: "the server asks not to send: its line takes no bytes"})
		}
		m.held = true
		return
	case comResume:
		m.held = false
		return
	}
	if len(value) != 1 {
		return
	}
	switch v := value[0]; command - fromServer {
	case comDataSize:
		m.answered("data bits", uint32(v))
	case comParity:
		m.answered("parity", uint32(v))
	case comStopSize:
		m.answered("stop bits", uint32(v))
	case comControl:
		m.control(v)
	case comLineState:
		m.errors(v)
	case comModemState:
		l := &m.state.lines
		l.CTS, l.DSR, l.RI, l.CD = v&modemCTS != 0, v&modemDSR != 0, v&modemRI != 0, v&modemCD != 0
	}
}

func (m *machine) control(v byte) {
	switch v {
	case 1, 2, 3: // and above 13, which we do not ask for
		m.answered("flow control", uint32(v))
	case controlDTROn, controlDTROff:
		m.state.lines.DTR = v == controlDTROn
	case controlRTSOn, controlRTSOff:
		m.state.lines.RTS = v == controlRTSOn
	}
}

// answered ends a question; a server may choose otherwise.
func (m *machine) answered(name string, got uint32) {
	delete(m.pending, name)
	if want, ok := m.asked[name]; ok && got != want {
		m.note(serialcon.Event{
			Kind: serialcon.EventNote,
			Text: fmt.Sprintf("the server has %s at %d; %d was asked for", name, got, want),
		})
	}
	delete(m.asked, name)
}

func (m *machine) errors(v byte) {
	c := &m.state.counts
	for _, e := range []struct {
		bit   byte
		count *uint32
	}{{lineOverrun, &c.Overrun}, {lineParity, &c.Parity}, {lineFraming, &c.Frame}, {lineBreak, &c.Break}} {
		if v&e.bit != 0 {
			*e.count++
		}
	}
	if v&lineBreak != 0 {
		m.breaks++
	}
}

// expire gives up the questions whose time is over, and notes each.
func (m *machine) expire(now time.Time) {
	for _, name := range slices.Sorted(maps.Keys(m.pending)) {
		if m.pending[name].After(now) {
			continue
		}
		delete(m.pending, name)
		delete(m.asked, name)
		m.note(serialcon.Event{Kind: serialcon.EventNote, Text: "the server did not answer: " + name})
	}
}

// setLines asks for DTR and RTS. They count as set until the server says
// otherwise: ser2net does not answer for a line that has none.
func (m *machine) setLines(dtr, rts bool) {
	m.state.lines.DTR, m.state.lines.RTS = dtr, rts
	d, r := byte(controlDTROff), byte(controlRTSOff)
	if dtr {
		d = controlDTROn
	}
	if rts {
		r = controlRTSOn
	}
	m.out = appendSub(m.out, comControl, d)
	m.out = appendSub(m.out, comControl, r)
}
