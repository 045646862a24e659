package ship_test

import (
	"regexp"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/mythic-beasts/hostkit/serialcon/ship"
)

// message is RFC 5424's grammar, as far as these messages use it.
var message = regexp.MustCompile(`^<1(28|29|[3]\d)>1 2026-11-26T06:46:03\.123Z \S{1,255} \S{1,48} - (line|event) ` +
	`\[console@32473 name="(?:[^"\\\]]|\\["\\\]])*"(?: event="(?:[^"\\\]]|\\["\\\]])*")?\] `)

// FuzzMessage: whatever names and text hold, it is one message of one line, whose
// head is what was meant, and not too long for a receiver.
func FuzzMessage(f *testing.F) {
	f.Add("pi-042", "", "login: ", "con1", "serialcon")
	f.Add(`a"]b\`, "match", "x\n<0>1 forged\x00\xff\u2028", "", "a b")
	f.Fuzz(func(t *testing.T, console, event, text, host, app string) {
		got := ship.Message(ship.Entry{Console: console, At: at, Event: event, Text: text}, host, app)
		if len(got) > 8192 {
			t.Fatalf("%d bytes", len(got))
		}
		head := message.Find(got)
		if head == nil {
			t.Fatalf("no message: %.200q", got)
		}
		if !utf8.Valid(got) {
			t.Fatalf("not UTF-8: %.200q", got)
		}
		for _, r := range string(got) {
			if unicode.IsControl(r) && r != '\t' {
				t.Fatalf("%q in %.200q", r, got)
			}
		}
		if text == "" && len(head) != len(got) {
			t.Fatalf("a text came of nothing: %q", got)
		}
	})
}
