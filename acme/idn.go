package acme

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// asciiName is the name in A-labels and lower case. A-labels are taken as they are:
// whether one is good is the authority's and the registry's to say.
func asciiName(name string) (string, error) {
	if isASCII(name) {
		return strings.ToLower(name), nil
	}
	if !utf8.ValidString(name) {
		return "", errors.New("not UTF-8")
	}
	// The longest name has fewer letters than octets, and what is longer is not
	// worth its tables.
	if len(name) > 4*maxName {
		return "", fmt.Errorf("longer than %d octets", maxName)
	}
	ascii, err := idna.Lookup.ToASCII(name)
	if err != nil {
		return "", fmt.Errorf("no internationalized name: %w", err)
	}
	given, made := strings.Split(name, "."), strings.Split(ascii, ".")
	if len(given) != len(made) {
		return "", errors.New("a full stop that is not ASCII")
	}
	for i, l := range given {
		// "K" of the sign for kelvin is no letter that anybody means in a name, and a
		// certificate for what only looks alike would be for somebody else's.
		if !isASCII(l) && !strings.HasPrefix(made[i], "xn--") {
			return "", fmt.Errorf("label %q only looks like %q: write it so", l, made[i])
		}
	}
	return ascii, nil
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}
