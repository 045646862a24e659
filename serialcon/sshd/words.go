package sshd

import (
	"fmt"
	"strings"
)

// split makes words of a command, as a shell quotes them: 'a b', "a b", a\ b.
func split(line string) (words []string, err error) {
	var word strings.Builder
	var quote rune
	inside, escaped := false, false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inside = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inside = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if inside {
				words = append(words, word.String())
				word.Reset()
				inside = false
			}
		default:
			word.WriteRune(r)
			inside = true
		}
	}
	if quote != 0 || escaped {
		return nil, fmt.Errorf("%w: a quote is not closed", errUsage)
	}
	if inside {
		words = append(words, word.String())
	}
	return words, nil
}
