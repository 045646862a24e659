package web

import "github.com/mythic-beasts/hostkit/examples/panel/internal/model"

// What the tests of parts see of the package.
var (
	Drawing     = drawing
	Screen      = screen
	Printable   = printable
	Span        = span
	Distance    = distance
	Next        = next
	AllowedHost = allowedHost
	ConsoleCSS  = consoleCSS
	Sentence    = sentence
	Marked      = marked
)

// Limits that the tests reach.
const (
	MaxOwn       = maxOwn
	MaxKeyboards = maxKeyboards
	ConsoleIdle  = consoleIdle
)

// Run is a piece of a marked line.
type Run = run

// Consoles are those that are open.
type Consoles struct{ k consoles }

// Add is consoles.add.
func (k *Consoles) Add(c model.Console, session, pi string) (string, error) {
	return k.k.add(c, session, pi)
}

// Use is consoles.use.
func (k *Consoles) Use(id, session, pi string) *OpenConsole {
	if b := k.k.use(id, session, pi); b != nil {
		return &OpenConsole{b}
	}
	return nil
}

// OpenConsole is one that is used.
type OpenConsole struct{ k *openConsole }

// Unuse is openConsole.unuse.
func (k *OpenConsole) Unuse() { k.k.unuse() }
