package ship

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// Severity is that of RFC 5424, section 6.2.1.
type Severity uint8

// The severities that consoles need.
const (
	Critical Severity = 2 // a panic
	Error    Severity = 3
	Warning  Severity = 4
	Notice   Severity = 5 // an event
	Info     Severity = 6 // a line
)

// Entry is a line that a console said, or an event.
type Entry struct {
	Console  string
	At       time.Time
	Event    string   // an event's kind. Empty for what the port said
	Text     string   // bytes of strangers
	Severity Severity // zero means Info, and Notice for an event
}

func (e Entry) severity() Severity {
	switch {
	case e.Severity != 0:
		return e.Severity
	case e.Event != "":
		return Notice
	}
	return Info
}

// msgID is "line" or "event", so that a receiver need not trust the text.
func (e Entry) msgID() string {
	if e.Event != "" {
		return "event"
	}
	return "line"
}

// maxText is what is sent of a text: RFC 5425 asks receivers for 8192 bytes a
// message, and RFC 5424 for 2048 at least.
const maxText = 7 << 10

// local0 is the facility of the messages.
const local0 = 16

// appendSyslog appends an RFC 5424 message.
func (e Entry) appendSyslog(dst []byte, host, app string) []byte {
	dst = fmt.Appendf(dst, "<%d>1 ", local0*8+int(e.severity()))
	dst = e.At.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z07:00")
	dst = fmt.Appendf(dst, " %s %s - %s [console@32473 name=\"", word(host, 255), word(app, 48), e.msgID())
	dst = appendParam(dst, e.Console)
	if e.Event != "" {
		dst = appendParam(append(dst, "\" event=\""...), e.Event)
	}
	dst = append(dst, "\"] "...)
	return appendText(dst, e.Text)
}

// word makes a header field: printable ASCII without spaces.
func word(s string, limit int) string {
	out := make([]byte, 0, len(s))
	for i := range min(len(s), limit) {
		if c := s[i]; c > ' ' && c < 0x7f {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return "-"
	}
	return string(out)
}

// appendParam appends a value of structured data, RFC 5424 section 6.3.3.
func appendParam(dst []byte, s string) []byte {
	for i := range min(len(s), 255) {
		switch c := s[i]; {
		case c == '"', c == '\\', c == ']':
			dst = append(dst, '\\', c)
		case c < ' ' || c >= 0x7f:
			dst = append(dst, '?')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// appendText appends text with control characters, and bytes that are no
// UTF-8, escaped: a receiver may write messages into a file of lines. What is
// appended is bounded, since a receiver may take the rest of a message that is
// too long for another one.
func appendText(dst []byte, s string) []byte {
	begin := len(dst)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		had := len(dst)
		switch {
		case r == utf8.RuneError && n == 1:
			dst = fmt.Appendf(dst, `\x%02x`, s[i])
		case r == '\t' || strconv.IsPrint(r):
			dst = append(dst, s[i:i+n]...)
		default:
			quoted := strconv.QuoteRune(r)
			dst = append(dst, quoted[1:len(quoted)-1]...)
		}
		if len(dst)-begin > maxText {
			return append(dst[:had], "…"...)
		}
		i += n
	}
	return dst
}
