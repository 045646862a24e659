package hook

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

const (
	maxName  = 253
	maxLabel = 63
	valueLen = 43 // base64url of a SHA-256
	maxShown = 300
)

// newRecord checks what a client gives. A leading "*." says nothing: the record of a
// wildcard is at its base name.
func newRecord(name, value string) (record, error) {
	normal, err := checkName(name)
	if err != nil {
		return record{}, err
	}
	if err := checkValue(value); err != nil {
		return record{}, fmt.Errorf("value %q for %s: %w", clip(value), normal, err)
	}
	base := strings.TrimPrefix(normal, "*.")
	if len(challengeLabel)+len(base) > maxName {
		return record{}, fmt.Errorf("name %q: too long for a record below it", base)
	}
	return record{Name: base, Value: value}, nil
}

// checkName returns the name of a certificate in lower case, without a dot at its end.
func checkName(name string) (string, error) {
	normal := lower(strings.TrimSuffix(name, "."))
	if len(normal) > maxName {
		return "", fmt.Errorf("name %q: longer than %d octets", clip(name), maxName)
	}
	for label := range strings.SplitSeq(strings.TrimPrefix(normal, "*."), ".") {
		if err := checkLabel(label); err != nil {
			return "", fmt.Errorf("name %q: %w", clip(name), err)
		}
	}
	return normal, nil
}

func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("an empty label")
	case len(label) > maxLabel:
		return fmt.Errorf("a label longer than %d octets", maxLabel)
	case label[0] == '-' || label[len(label)-1] == '-':
		return errors.New("a label begins or ends with a hyphen")
	case strings.ContainsFunc(label, func(r rune) bool { return !alphanumeric(r) && r != '-' }):
		return errors.New("letters, digits and hyphens only; give the A-labels, which begin with \"xn--\"")
	}
	return nil
}

// checkValue lets only values of dns-01 through (RFC 8555 section 8.4), which may
// begin with a hyphen.
func checkValue(value string) error {
	if len(value) != valueLen || strings.ContainsFunc(value, func(r rune) bool { return !base64url(r) }) {
		return fmt.Errorf("not of a dns-01 challenge, which has %d characters of base64url: set the client to dns-01", valueLen)
	}
	return nil
}

// checkPath refuses what leads out of the folder it names.
func checkPath(path string) error {
	up := slices.Contains(strings.Split(filepath.ToSlash(path), "/"), "..")
	if !filepath.IsAbs(path) || up || strings.ContainsRune(path, 0) {
		return fmt.Errorf("path %q: must be absolute and without \"..\"", clip(path))
	}
	return nil
}

// lower folds ASCII only: other letters have rules of their own, such as the Kelvin
// sign, which would be a "k".
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func alphanumeric(r rune) bool {
	return (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9')
}

func base64url(r rune) bool {
	return alphanumeric(r) || (r >= 'A' && r <= 'Z') || r == '-' || r == '_'
}

// clip shortens what goes into an error or a log.
func clip(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return s[:maxShown] + "…"
}
