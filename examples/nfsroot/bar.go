package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/mythic-beasts/hostkit/nfsroot/build"
)

// bar shows how far a build is: in a line that is drawn over on a terminal, and
// in a line for each stage elsewhere.
type bar struct {
	w     io.Writer
	width int // of the terminal, 0 when it is none
	stage build.Stage
	drawn bool
}

func newBar(w io.Writer) *bar {
	b := &bar{w: w}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			b.width = width
		}
	}
	return b
}

// barCells is how long the bar itself is.
const barCells = 30

func (b *bar) event(e build.Event) {
	if b.width == 0 {
		if e.Stage != b.stage {
			fmt.Fprintf(b.w, "%3.0f %% %s\n", e.Fraction*100, e.Stage)
		}
		b.stage = e.Stage
		return
	}
	full := min(int(e.Fraction*barCells), barCells)
	line := fmt.Sprintf("[%s%s] %3.0f %% %s %s", strings.Repeat("#", full), strings.Repeat(".", barCells-full), e.Fraction*100, e.Stage, e.Package)
	if len(line) >= b.width {
		line = line[:b.width-1]
	}
	fmt.Fprintf(b.w, "\r%s\x1b[K", line)
	b.drawn = true
}

// end leaves the line.
func (b *bar) end() {
	if b.drawn {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
