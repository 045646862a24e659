package watch

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxLiteral is the length in bytes that a literal may have.
const MaxLiteral = 256

// ErrPattern means that a pattern can match nothing, or has no name.
var ErrPattern = errors.New("watch: not a pattern")

// Pattern is what is looked for in a line: any of the literals, or the regular
// expression.
//
// An expression with an assertion about what follows ($, \z, \b, \B) is tried
// when the line is complete. Others are found as soon as the line so far holds
// them.
type Pattern struct {
	Name     string
	Literals []string
	Regexp   *regexp.Regexp
	// Prompt makes it match only a line that stays unfinished for
	// Matcher.Settle, as one in which a program waits for input.
	Prompt bool
	// Every is the time in which the pattern is told once; what comes more
	// often is counted. Zero means one minute, less than zero no limit.
	Every time.Duration
}

// Check says whether the pattern has a name and can match. The error wraps
// ErrPattern.
func (p *Pattern) Check() error {
	switch {
	case p.Name == "":
		return fmt.Errorf("%w: it has no name", ErrPattern)
	case len(p.Literals) == 0 && p.Regexp == nil:
		return fmt.Errorf("%w: %q has neither literals nor an expression", ErrPattern, p.Name)
	case p.Regexp != nil && p.Regexp.MatchString(""):
		return fmt.Errorf("%w: %q matches an empty line", ErrPattern, p.Name)
	}
	for _, l := range p.Literals {
		if l == "" || len(l) > MaxLiteral || strings.ContainsFunc(l, unseen) {
			return fmt.Errorf("%w: literal %.40q of %q is not 1 to %d bytes without control characters",
				ErrPattern, l, p.Name, MaxLiteral)
		}
	}
	return nil
}

// unseen says which characters are not part of a line.
func unseen(r rune) bool { return r < 0x20 && r != '\t' || r == 0x7f }

// find returns the first length of the line at which the pattern is complete,
// or -1. The first seen bytes were looked at before, and had no match. ended
// says that nothing more comes.
func (s *state) find(line []byte, seen int, ended bool) int {
	end := -1
	for _, l := range s.Literals {
		from := max(0, seen-len(l)+1)
		if i := bytes.Index(line[from:], []byte(l)); i >= 0 && (end < 0 || from+i+len(l) < end) {
			end = from + i + len(l)
		}
	}
	if s.Regexp == nil || s.ahead && !ended {
		return end
	}
	if s.ahead {
		if end < 0 && s.Regexp.Match(line) {
			end = len(line)
		}
		return end
	}
	whole := line
	if !ended {
		whole = wholeRunes(line)
	}
	if end >= 0 {
		whole = wholeRunes(whole[:min(end, len(whole))])
	}
	if !s.Regexp.Match(whole) {
		return end
	}
	return s.shortest(whole)
}

// shortest is the length of the shortest beginning of line that matches; the
// whole line does. What matches a beginning matches all longer ones. A byte that
// begins no character is known for it only by the next one, or by the end.
func (s *state) shortest(line []byte) int {
	if !s.Regexp.Match(wholeRunes(line)) {
		return len(line)
	}
	low, high := 0, len(line) // low does not match, high does
	for high-low > 1 {
		mid := (low + high) / 2
		if s.Regexp.Match(wholeRunes(line[:mid])) {
			high = mid
		} else {
			low = mid
		}
	}
	return len(wholeRunes(line[:high]))
}

// wholeRunes leaves a character out of which the end has not come: it could
// pass for another.
func wholeRunes(line []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(line); n++ {
		tail := line[len(line)-n:]
		if !utf8.RuneStart(tail[0]) {
			continue
		}
		if !utf8.FullRune(tail) {
			return line[:len(line)-n]
		}
		break
	}
	return line
}

// looksAhead says whether an expression asks for what follows.
func looksAhead(re *regexp.Regexp) bool {
	if re == nil {
		return false
	}
	parsed, err := syntax.Parse(re.String(), syntax.Perl)
	return err != nil || asksAhead(parsed)
}

func asksAhead(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpEndLine, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	}
	return slices.ContainsFunc(re.Sub, asksAhead)
}
