package watch

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Match is a pattern that was found, or silence.
type Match struct {
	Name string // the pattern's, or Silence
	At   time.Time
	// Text is the line up to where the pattern was complete. It holds bytes of
	// a stranger: quote it.
	Text string
	// Offset is the number of bytes of the stream before the line.
	Offset int64
	// Suppressed is how often the pattern was found since it was last told.
	Suppressed int64
	// For is how long a silence lasts.
	For time.Duration
}

// Matcher looks for patterns in one stream. The zero value looks for those of
// Default. Its fields are not changed once it is used, and it is not copied. It
// may be used by several goroutines at once.
type Matcher struct {
	// Patterns are looked for. Nil means Default. Those that Check refuses
	// match nothing.
	Patterns []Pattern
	// MaxLine is how many bytes of a line are held. Zero means 4096, and the
	// least is twice MaxLiteral. Longer lines are looked at in pieces that
	// overlap by MaxLiteral; each piece is a beginning of a line to "^", and
	// only the last has an end.
	MaxLine int
	// Settle is how long nothing follows a prompt. Zero means 500 ms.
	Settle time.Duration
	// Silence is how long a silence is that is told, once, until the stream
	// goes on. Zero means that none is. The time before the first Write counts
	// from the first Tick.
	Silence time.Duration

	mu     sync.Mutex // guards all below
	states []*state
	input  stripper
	line   []byte
	seen   int   // bytes of line that were looked at
	offset int64 // bytes of the stream so far
	begin  int64 // and before the line
	starts bool  // there was a Write or a Tick
	last   time.Time
	quiet  bool // the silence was told
	rested bool // the unfinished line was tried as a prompt
}

// A state is a pattern and what became of it.
type state struct {
	*Pattern
	ahead   bool
	fired   int // where in the line it was found; 0 means that it was not
	told    time.Time
	ever    bool
	skipped int64
}

// Check says what is wrong with the patterns. The error wraps ErrPattern.
func (m *Matcher) Check() error {
	names := map[string]bool{Silence: true}
	for i := range m.Patterns {
		p := &m.Patterns[i]
		if err := p.Check(); err != nil {
			return err
		}
		if names[p.Name] {
			return fmt.Errorf("%w: the name %q is taken", ErrPattern, p.Name)
		}
		names[p.Name] = true
	}
	return nil
}

// Write takes what the console said at that time, and returns what was found,
// in the order of the stream. Matches of Tick for a time before come first.
func (m *Matcher) Write(at time.Time, p []byte) []Match {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(p) == 0 {
		return nil
	}
	out := m.tick(at)
	m.last, m.quiet = at, false
	for _, b := range p {
		m.offset++
		switch m.input.next(b) {
		case isText:
			if len(m.line) == 0 {
				m.begin = m.offset - 1
			}
			m.line = append(m.line, b)
			m.rested = false
			if len(m.line) == m.maxLine() {
				out = m.look(out, at, false)
				m.overlap()
			}
		case isEnd:
			out = m.look(out, at, true)
			m.reset()
		}
	}
	return m.look(out, at, false)
}

// Tick tells the time: it returns prompts that nothing followed, and silence.
// Due is when it is worth calling.
func (m *Matcher) Tick(now time.Time) []Match {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tick(now)
}

// Due is when a Tick may find something if nothing is written before, or the
// zero time if it will not.
func (m *Matcher) Due() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case !m.starts:
		return time.Time{}
	case len(m.line) > 0 && !m.rested:
		return m.last.Add(m.settle())
	case m.Silence > 0 && !m.quiet:
		return m.last.Add(m.Silence)
	}
	return time.Time{}
}

func (m *Matcher) tick(now time.Time) (out []Match) {
	m.prepare(now)
	if now.Before(m.last) { // the clock was set back
		m.last = now
	}
	rest := now.Sub(m.last)
	if len(m.line) > 0 && !m.rested && rest >= m.settle() {
		m.rested = true
		out = m.prompts(now)
	}
	if m.Silence > 0 && !m.quiet && rest >= m.Silence {
		m.quiet = true
		out = append(out, Match{Name: Silence, At: now, Offset: m.offset, For: rest})
	}
	return out
}

func (m *Matcher) prepare(now time.Time) {
	if m.starts {
		return
	}
	m.starts, m.last = true, now
	patterns := m.Patterns
	if patterns == nil {
		patterns = Default()
	}
	for i := range patterns {
		if p := &patterns[i]; p.Check() == nil {
			m.states = append(m.states, &state{Pattern: p, ahead: looksAhead(p.Regexp)})
		}
	}
}

// look tries the patterns on the line; ended says that it is complete.
func (m *Matcher) look(out []Match, at time.Time, ended bool) []Match {
	if len(m.line) == 0 || !ended && m.seen == len(m.line) {
		return out
	}
	first := len(out)
	for _, s := range m.states {
		if s.Prompt || s.fired > 0 {
			continue
		}
		if n := s.find(m.line, m.seen, ended); n > 0 {
			out = m.found(out, s, n, at)
		}
	}
	m.seen = len(m.line)
	slices.SortStableFunc(out[first:], func(a, b Match) int { return cmp.Compare(len(a.Text), len(b.Text)) })
	return out
}

// prompts tries those patterns on the unfinished line.
func (m *Matcher) prompts(now time.Time) (out []Match) {
	for _, s := range m.states {
		if !s.Prompt || s.fired > 0 {
			continue
		}
		if s.find(m.line, 0, true) > 0 {
			out = m.found(out, s, len(m.line), now)
		}
	}
	return out
}

// found adds the match of a pattern that is complete after n bytes of the line,
// unless it was told lately.
func (m *Matcher) found(out []Match, s *state, n int, at time.Time) []Match {
	s.fired = n
	every := cmp.Or(s.Every, time.Minute)
	if since := at.Sub(s.told); s.ever && since >= 0 && since < every {
		s.skipped++
		return out
	}
	match := Match{Name: s.Name, At: at, Text: string(m.line[:n]), Offset: m.begin, Suppressed: s.skipped}
	s.told, s.ever, s.skipped = at, true, 0
	return append(out, match)
}

// reset begins a new line.
func (m *Matcher) reset() {
	m.line, m.seen, m.rested = m.line[:0], 0, false
	for _, s := range m.states {
		s.fired = 0
	}
}

// overlap begins a new piece of the line.
func (m *Matcher) overlap() {
	cut := len(m.line) - MaxLiteral
	n := copy(m.line, m.line[cut:])
	m.line, m.seen = m.line[:n], n
	for _, s := range m.states {
		s.fired = max(0, s.fired-cut)
	}
}

func (m *Matcher) maxLine() int {
	return max(2*MaxLiteral, cmp.Or(m.MaxLine, 4096))
}

func (m *Matcher) settle() time.Duration { return cmp.Or(m.Settle, 500*time.Millisecond) }
