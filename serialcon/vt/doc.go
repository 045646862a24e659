// Package vt is the terminal behind a serial console: it keeps what is on the
// screen and what has scrolled off it, and makes what a guest sends safe to show
// to people.
//
//	s := vt.New(80, 24, 1000)
//	s.Lines = func(at time.Time, text []byte) { … } // readable lines for a log
//	s.Write(burst)                                  // what the port said
//	err := s.Replay(viewer)                         // who attaches sees the screen as it is
//	text := s.Text()                                // what was on it when the machine died
//
// A [Screen] is a VT102 with those parts of xterm that programs on a console use:
// UTF-8 with wide and combining characters, 256 and true colours, the alternate
// screen, the scroll region, insert and delete, line drawing, tab stops, origin
// mode, and a wrap that waits for the next character. It gives its state as a
// replay for a terminal, as text and as HTML, and each line of text once the
// cursor leaves it, so that a progress bar is one line of a log.
//
// A [Sanitizer] is a filter for those who may only watch: it passes text and
// sequences that move, erase and colour, and drops what a terminal would answer
// to. [Strip] leaves plain text, for a search.
//
// # Where it differs
//
// A guest is not trusted, and a serial line loses bytes. So nothing erases the
// scrollback: ESC c, which firmware sends at each boot, and the erasing of the
// whole screen move the text there, and CSI 3 J does nothing. Lines that leave a
// scroll region are kept as well, but none of the alternate screen's. A string
// (OSC, DCS, APC, PM, SOS) ends at a line feed or after 4096 bytes, and a sequence
// after 256. 8-bit controls count only where no UTF-8 character is under way.
// Bytes that are no UTF-8, and characters that turn the direction of writing, are
// shown as U+FFFD. Blinking is not shown in HTML, and [Screen.Resize] does not
// wrap text anew.
//
// # What it refuses
//
// It answers no query: there is nobody behind it who could be asked. It knows no
// pictures, no mouse, no double-height lines and no 132 columns.
package vt
