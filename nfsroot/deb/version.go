package deb

import (
	"cmp"
	"strings"
)

// CompareVersions orders versions as dpkg does (Debian policy 5.6.12): by
// epoch, then upstream version, then Debian revision. It returns a negative
// number when a is older than b.
func CompareVersions(a, b string) int {
	epochA, upstreamA, revisionA := splitVersion(a)
	epochB, upstreamB, revisionB := splitVersion(b)
	return cmp.Or(
		compareParts(epochA, epochB),
		compareParts(upstreamA, upstreamB),
		compareParts(revisionA, revisionB),
	)
}

func splitVersion(v string) (epoch, upstream, revision string) {
	if before, after, ok := strings.Cut(v, ":"); ok {
		epoch, v = before, after
	}
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		v, revision = v[:i], v[i+1:]
	}
	return epoch, v, revision
}

// compareParts compares text and numbers by turns.
func compareParts(a, b string) int {
	for a != "" || b != "" {
		var textA, textB, numA, numB string
		textA, a = cutFunc(a, isDigit)
		textB, b = cutFunc(b, isDigit)
		if c := compareText(textA, textB); c != 0 {
			return c
		}
		numA, a = cutFunc(a, isText)
		numB, b = cutFunc(b, isText)
		numA, numB = strings.TrimLeft(numA, "0"), strings.TrimLeft(numB, "0")
		if c := cmp.Or(cmp.Compare(len(numA), len(numB)), cmp.Compare(numA, numB)); c != 0 {
			return c
		}
	}
	return 0
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }
func isText(r rune) bool  { return !isDigit(r) }

func cutFunc(s string, until func(rune) bool) (before, rest string) {
	if i := strings.IndexFunc(s, until); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// compareText puts a tilde before the end of the text, the end before letters,
// and letters before all else.
func compareText(a, b string) int {
	for i := range max(len(a), len(b)) {
		if c := cmp.Compare(weight(a, i), weight(b, i)); c != 0 {
			return c
		}
	}
	return 0
}

func weight(s string, i int) int {
	switch {
	case i >= len(s):
		return 0
	case s[i] == '~':
		return -1
	case s[i] >= 'a' && s[i] <= 'z', s[i] >= 'A' && s[i] <= 'Z':
		return int(s[i])
	}
	return int(s[i]) + 256
}
