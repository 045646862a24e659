package bootparam

import (
	"fmt"
	"strings"
)

// word is one parameter of a command line, without the quotes that the kernel
// takes off.
type word struct {
	name, value string
	hasValue    bool
}

// cutWord takes the first word off a command line by the rules of the kernel's
// next_arg: space ends a word outside of double quotes; quotes are taken off
// around a whole word and around a value, and stay anywhere else.
func cutWord(line string) (w word, rest string) {
	line = strings.TrimLeft(line, space)
	end, quoted := len(line), false
	for i := range len(line) {
		if line[i] == '"' {
			quoted = !quoted
		}
		if !quoted && strings.IndexByte(space, line[i]) >= 0 {
			end = i
			break
		}
	}
	text, rest := line[:end], strings.TrimLeft(line[end:], space)
	text, whole := strings.CutPrefix(text, `"`)
	if whole {
		text = strings.TrimSuffix(text, `"`)
	}
	w.name = text
	// An equals sign that comes first is part of the name.
	if i := 1 + strings.IndexByte(text[min(1, len(text)):], '='); i > 0 {
		w.name, w.value, w.hasValue = text[:i], text[i+1:], true
	}
	if value, ok := strings.CutPrefix(w.value, `"`); ok {
		w.value = value
		if !whole {
			w.value = strings.TrimSuffix(value, `"`)
		}
	}
	return w, rest
}

const space = " \t\n\v\f\r"

// text is the word as it is written, with quotes around a value that has a
// space in it, or begins with one of its own, which would be taken off.
func (w word) text() string {
	if !w.hasValue {
		return w.name
	}
	if strings.Contains(w.value, " ") || strings.HasPrefix(w.value, `"`) {
		return w.name + `="` + w.value + `"`
	}
	return w.name + "=" + w.value
}

// checkExtra refuses what is not exactly one word for the kernel and for any
// reader that is more naive than it. Quotes must be around a whole value.
func checkExtra(text string) error {
	name, value, _ := strings.Cut(text, "=")
	if inner, ok := strings.CutPrefix(value, `"`); ok && strings.HasSuffix(inner, `"`) {
		value = strings.ReplaceAll(strings.TrimSuffix(inner, `"`), " ", "_")
	}
	if err := checkWord("Extra", text, ""); err == nil {
		return nil
	}
	if err := checkWord("Extra", name, ""); err != nil {
		return fmt.Errorf("%w, in %q", err, text)
	}
	if value == "" {
		return nil
	}
	return checkWord("Extra", value, "")
}
