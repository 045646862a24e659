package serialcon

import (
	"bytes"
	"fmt"
	"strings"
)

// The lines of history that the two replay commands show, as conserver's.
const (
	replayLines = 20
	playLines   = 60
)

// do runs a command of a viewer.
func (s *Session) do(cmd command) {
	switch cmd {
	case cmdDetach:
		_ = s.Close()
	case cmdSpy:
		s.Release()
		s.say("you only watch now")
	case cmdAttach, cmdForce:
		if err := s.Acquire(cmd == cmdForce); err != nil {
			s.say("you may only watch")
		}
	case cmdBreak:
		if err := s.Break(s.ctx, 0); err != nil {
			s.say(fmt.Sprintf("no BREAK was sent: %.200q", err.Error()))
		}
	case cmdWho:
		s.say(s.whoText())
	case cmdReplay:
		s.say(s.lastLines(replayLines))
	case cmdPlay:
		s.say(s.lastLines(playLines))
	case cmdHelp:
		s.say(s.helpText())
	default:
		s.say("unknown command; " + s.filter.keys.String() + "? lists them")
	}
}

// say answers a command, marks or not.
func (s *Session) say(text string) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.closed {
		return
	}
	marks := s.marks
	s.marks = true
	s.announce(text)
	s.marks = marks
}

func (s *Session) helpText() string {
	keys := s.filter.keys.String()
	var b strings.Builder
	b.WriteString("commands:")
	for _, line := range []string{
		".  disconnect", "a  ask to type", "f  type, by force", "s  watch only", "l0 send a BREAK",
		"w  who watches", "r  the last 20 lines", "p  the last 60 lines", "?  this list",
	} {
		b.WriteString("\r\n " + keys + line)
	}
	return b.String()
}

// whoText lists the viewers; a spy is seen by nobody else.
func (s *Session) whoText() string {
	var b strings.Builder
	b.WriteString("viewers of " + s.c.Name + ":")
	for _, v := range s.c.Viewers() {
		if v.Spy && s.may != Spy {
			continue
		}
		fmt.Fprintf(&b, "\r\n %s %s since %s", v.Who, v.Mode, v.Since.UTC().Format("2006-01-02 15:04:05 UTC"))
		if v.Queued > 0 {
			fmt.Fprintf(&b, ", number %d in the queue", v.Queued)
		}
	}
	return b.String()
}

// lastLines is the end of the history, made safe.
func (s *Session) lastLines(n int) string {
	c := s.c
	c.mu.Lock()
	from, whole := c.ring.start, c.ring.start == c.first
	raw := c.ring.read(nil, from, c.outside)
	c.mu.Unlock()
	at := len(raw)
	for lines := 0; at > 0; at-- {
		if raw[at-1] == '\n' && at < len(raw) {
			if lines++; lines == n {
				break
			}
		}
	}
	raw = raw[at:]
	if at == 0 && !whole {
		raw = raw[bytes.IndexByte(raw, '\n')+1:]
	}
	return "replay:\r\n" + string(new(stripper).Append(nil, raw)) + "\r\n... end of replay"
}
