package vt_test

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/vt"
)

var _ serialcon.Screen = (*vt.Screen)(nil)

// stateOf is what tmux calls "#{cursor_x},#{cursor_y} alternate=#{alternate_on}".
func stateOf(s *vt.Screen) string {
	x, y := s.Cursor()
	alternate := 0
	if s.Alternate() {
		alternate = 1
	}
	return fmt.Sprintf("%d,%d alternate=%d", x, y, alternate)
}

// blanks are what tmux leaves out of a capture though it shows them: erased cells
// in colour at the end of a row.
var blanks = regexp.MustCompile(`(<span[^>]*> *</span>| )+$`)

// visible is the rows of a screen, without blanks at the ends.
func visible(html string) []string {
	rows := strings.Split(html, "\n")
	for i := range rows {
		rows[i] = blanks.ReplaceAllString(rows[i], "")
	}
	return rows
}
