package acme

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	maxName  = 253
	maxLabel = 63
)

// CanonicalNames are the names of a request as they are ordered: A-labels in lower
// case, each once, in the order given. A name that no certificate can have is an
// error that says why, and so are no names at all.
func CanonicalNames(names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, errors.New("acme: Request.Names is empty")
	}
	var normal []string
	for _, name := range names {
		n, err := normalName(name)
		if err != nil {
			return nil, fmt.Errorf("acme: name %q: %w", clip(name, maxName), err)
		}
		if !slices.Contains(normal, n) {
			normal = append(normal, n)
		}
	}
	return normal, nil
}

// normalName checks one name by RFC 1035 section 2.3.1 and RFC 5890.
func normalName(name string) (string, error) {
	wildcard, name := cutWildcard(strings.TrimSuffix(name, "."))
	name, err := asciiName(name)
	if err != nil {
		return "", err
	}
	if len(wildcard+name) > maxName {
		return "", fmt.Errorf("longer than %d octets", maxName)
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if err := checkLabel(l); err != nil {
			return "", err
		}
	}
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return "", errors.New("an address, or a top-level domain of digits: only DNS names can be had")
	}
	return wildcard + name, nil
}

func cutWildcard(name string) (wildcard, rest string) {
	if rest, ok := strings.CutPrefix(name, "*."); ok {
		return "*.", rest
	}
	return "", name
}

func checkLabel(l string) error {
	switch {
	case l == "":
		return errors.New("an empty label")
	case len(l) > maxLabel:
		return fmt.Errorf("a label longer than %d octets", maxLabel)
	case l[0] == '-' || l[len(l)-1] == '-':
		return fmt.Errorf("label %q begins or ends with a hyphen", l)
	case strings.Contains(l, "*"):
		return errors.New("\"*\" may be the whole first label, and nothing else")
	}
	if i := strings.IndexFunc(l, notHost); i >= 0 {
		return fmt.Errorf("label %q has %q: letters, digits and hyphens only", l, l[i])
	}
	return nil
}

func notHost(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
}
