package telnet

import (
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// maxNotes bounds the events that wait for somebody to be told.
const maxNotes = 64

// machine is the client's end of the protocol, without a socket: bytes in; data,
// answers and notes out.
type machine struct {
	serial  *Serial       // nil: no RFC 2217
	timeout time.Duration // of each question

	decoder decoder
	negotiator

	now     time.Time
	pending map[string]time.Time // questions without an answer, and their end
	asked   map[string]uint32    // values asked for, to compare the answer with

	notes  []serialcon.Event // to tell
	breaks int64             // came in since the last note
	held   bool              // FLOWCONTROL-SUSPEND came
	state  lineState
}

// start asks for what the client wants.
func (m *machine) start(now time.Time) {
	m.now, m.pending, m.asked = now, map[string]time.Time{}, map[string]uint32{}
	m.want(&m.local, optBinary, "BINARY from us")
	m.want(&m.remote, optBinary, "BINARY from the server")
	m.want(&m.remote, optSGA, "")
	m.want(&m.local, optSGA, "")
	if m.serial != nil {
		m.want(&m.local, optComPort, "COM-PORT-OPTION")
	}
}

// want asks for an option; a name makes Open wait for the answer.
func (m *machine) want(side *[256]qState, option byte, name string) {
	m.ask(side, option)
	if name != "" {
		m.pending[name] = m.now.Add(m.timeout)
	}
}

// receive takes what came, moves the line's bytes to p's front and returns how
// many there are.
func (m *machine) receive(now time.Time, p []byte) int {
	m.now = now
	n := 0
	for _, b := range p {
		switch t := m.decoder.next(b); t.kind {
		case tokenData:
			p[n] = t.verb
			n++
		case tokenCommand:
			if t.verb == cmdBRK {
				m.breaks++
			}
		case tokenOption:
			m.option(t.verb, t.option)
		case tokenSub:
			if t.option == optComPort && m.comPort() && len(t.body) > 0 {
				m.reply(t.body[0], t.body[1:])
			}
		}
	}
	if m.breaks > 0 {
		m.note(serialcon.Event{Kind: serialcon.EventBreakIn, N: m.breaks})
		m.breaks = 0
	}
	return n
}

// option takes WILL, WONT, DO or DONT.
func (m *machine) option(verb, option byte) {
	side, had := m.heard(verb, option, func(local bool) bool {
		if local {
			return option == optBinary || option == optSGA || option == optComPort && m.serial != nil
		}
		return option == optBinary || option == optSGA || option == optEcho
	})
	next := side[option]
	if next.asked() {
		return
	}
	switch {
	case option == optBinary && side == &m.local:
		delete(m.pending, "BINARY from us")
	case option == optBinary:
		delete(m.pending, "BINARY from the server")
		m.decoder.binary = next == qYes
	case option == optComPort && side == &m.local:
		delete(m.pending, "COM-PORT-OPTION")
		if next == qYes && had != qYes {
			m.configure()
		}
	}
}

// suspended reports whether the server asks not to send; one that takes RFC 2217
// back takes that back as well.
func (m *machine) suspended() bool { return m.held && m.comPort() }

// comPort reports whether RFC 2217 is agreed on.
func (m *machine) comPort() bool { return m.local[optComPort] == qYes }

func (m *machine) note(e serialcon.Event) {
	if len(m.notes) < maxNotes {
		m.notes = append(m.notes, e)
	}
}

// due is when the next question runs out; zero is when there is none.
func (m *machine) due() (at time.Time) {
	for _, end := range m.pending {
		if at.IsZero() || end.Before(at) {
			at = end
		}
	}
	return at
}
