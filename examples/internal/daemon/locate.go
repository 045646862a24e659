package daemon

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// A decoder knows the line of a syntax error, but among a hundred [[machine]]
// tables not the line of one wrong value in one of them. That is found from
// outside: a file cut off after a whole statement is a valid file, so the
// shortest such beginning that shows the fault ends with the statement at
// fault, and bisection finds it in a dozen decodings.

// locate gives a decoding error its place in the file. Faulty reports whether a
// beginning of the text has the fault too.
func locate(path, text string, err error, faulty func(prefix string) bool) error {
	var syntax toml.ParseError
	if !wellFormed(text) && errors.As(err, &syntax) {
		return fmt.Errorf("%s:%d: %s", path, syntax.Position.Line, syntax.Message)
	}
	message := cleanMessage(err)
	if line := firstLine(text, faulty); line > 0 {
		return fmt.Errorf("%s:%d: %s", path, line, message)
	}
	return fmt.Errorf("%s: %s", path, message)
}

var decoderPrefix = regexp.MustCompile(`^toml: (?:line \d+ )?(?:\(last key "([^"]*)"\): )?`)

// cleanMessage is the decoder's message as "key: what is wrong", without the
// line, which may be of another table of the same name.
func cleanMessage(err error) string {
	var parse toml.ParseError
	if errors.As(err, &parse) {
		return parse.LastKey + ": " + parse.Message
	}
	message := err.Error()
	m := decoderPrefix.FindStringSubmatch(message)
	if m == nil || m[1] == "" {
		return message
	}
	return m[1] + ": " + message[len(m[0]):]
}

// locateFields gives every [FieldError] in err its place in the file. Errors
// without a key are about the file as a whole.
func locateFields(path, text string, err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, locateFields(path, text, e))
		}
		return errors.Join(all...)
	}
	var field *FieldError
	if !errors.As(err, &field) {
		return fmt.Errorf("%s: %w", path, err)
	}
	steps := splitKey(field.Key)
	place := path
	for n := len(steps); n > 0; n-- { // a key that is missing is shown at its table
		line := firstLine(text, func(prefix string) bool { _, ok := lookUp(prefix, steps[:n]); return ok })
		if line > 0 {
			place = fmt.Sprintf("%s:%d", path, line)
			break
		}
	}
	if value, ok := lookUp(text, steps); ok && isScalar(value) {
		return fmt.Errorf("%s: %s = %s: %w", place, field.Key, showScalar(value), field.Err)
	}
	return fmt.Errorf("%s: %w", place, err)
}

func isScalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any, []map[string]any:
		return false
	}
	return true
}

func showScalar(v any) string {
	if s, ok := v.(string); ok {
		return strconv.Quote(s)
	}
	return fmt.Sprint(v)
}

// messages is err in lines of one message each.
func messages(err error) []string { return strings.Split(err.Error(), "\n") }

// splitKey turns "machine[2].address" into "machine", 2, "address".
func splitKey(key string) (steps []any) {
	for name := range strings.SplitSeq(key, ".") {
		name, index, found := strings.Cut(strings.TrimSuffix(name, "]"), "[")
		steps = append(steps, name)
		if i, err := strconv.Atoi(index); found && err == nil {
			steps = append(steps, i)
		}
	}
	return steps
}

// lookUp finds the value at a path in a TOML text.
func lookUp(text string, steps []any) (any, bool) {
	var root map[string]any
	if _, err := toml.Decode(text, &root); err != nil {
		return nil, false
	}
	var at any = root
	for _, step := range steps {
		var ok bool
		if at, ok = child(at, step); !ok {
			return nil, false
		}
	}
	return at, true
}

func child(at, step any) (any, bool) {
	switch at := at.(type) {
	case map[string]any:
		name, ok := step.(string)
		v, found := at[name]
		return v, ok && found
	case []map[string]any:
		if i, ok := step.(int); ok && i >= 0 && i < len(at) {
			return at[i], true
		}
	case []any:
		if i, ok := step.(int); ok && i >= 0 && i < len(at) {
			return at[i], true
		}
	}
	return nil, false
}

func wellFormed(text string) bool {
	var root map[string]any
	_, err := toml.Decode(text, &root)
	return err == nil
}

// firstLine returns the number of the line on which the first statement begins
// that makes a beginning of the text faulty, or 0 if none does. What is faulty
// must stay so when the text goes on.
func firstLine(text string, faulty func(prefix string) bool) int {
	if !faulty(text) {
		return 0
	}
	lines := slices.Collect(strings.Lines(text))
	i := sort.Search(len(lines), func(i int) bool { return faulty(wholeStatements(lines, i)) })
	return statementStart(lines, max(i-1, 0))
}

// wholeStatements is the shortest beginning of at least n lines that is a valid
// file: n lines, or more where the nth is inside of a multi-line value.
func wholeStatements(lines []string, n int) string {
	for ; n < len(lines); n++ {
		if prefix := strings.Join(lines[:n], ""); wellFormed(prefix) {
			return prefix
		}
	}
	return strings.Join(lines, "")
}

// statementStart is the number of the first line from index i on that is
// neither empty nor a comment.
func statementStart(lines []string, i int) int {
	for ; i < len(lines)-1; i++ {
		if s := strings.TrimSpace(lines[i]); s != "" && !strings.HasPrefix(s, "#") {
			break
		}
	}
	return i + 1
}
