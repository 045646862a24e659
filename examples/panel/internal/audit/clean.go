package audit

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes bytes of strangers fit to be shown: what is no visible character is escaped
// as in Go's strings, a backslash is doubled, and what is longer than most bytes is cut
// and ends in "…".
func Clean(s string, most int) string {
	var b strings.Builder
	for len(s) > 0 {
		r, width := utf8.DecodeRuneInString(s)
		piece := s[:width]
		switch {
		case r == utf8.RuneError && width == 1:
			piece = fmt.Sprintf(`\x%02x`, s[0])
		case r == '\\':
			piece = `\\`
		case !unicode.IsPrint(r):
			piece = strings.Trim(strconv.QuoteRune(r), "'")
		}
		if b.Len()+len(piece) > most {
			return b.String() + "…"
		}
		b.WriteString(piece)
		s = s[width:]
	}
	return b.String()
}

// The most bytes of a field of an entry, longer than any that is meant.
const (
	mostName = 260
	mostText = 1000
)

func (e Entry) clean() Entry {
	for _, field := range []*string{&e.Name, &e.ID, &e.Action, &e.Kind, &e.Thing, &e.Owner} {
		*field = Clean(*field, mostName)
	}
	for _, field := range []*string{&e.Detail, &e.Why, &e.Problem} {
		*field = Clean(*field, mostText)
	}
	e.By = Means(Clean(string(e.By), mostName))
	e.From = e.From.WithZone("")
	return e
}
