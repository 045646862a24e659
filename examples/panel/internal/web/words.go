package web

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const maxText = 600 // runes of an untrusted text that are shown

// printable makes untrusted text fit to be seen: without control characters, without
// those that change the direction of writing, and not too long. It does not escape:
// the template does.
func printable(s string) string {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return utf8.RuneError
		}
		return r
	}, s)
	n := 0
	for at := range clean {
		if n++; n > maxText {
			return clean[:at] + "…"
		}
	}
	return clean
}

// span says how long d is, in the two largest units that matter.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < day:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	case d < 14*day:
		return fmt.Sprintf("%d d %d h", int(d/day), int(d.Hours())%24)
	}
	return fmt.Sprintf("%d days", int(d/day))
}

// distance says where t is, seen from now: "3 min ago", "in 2 d 4 h".
func distance(t, now time.Time) string {
	if d := t.Sub(now); d >= 0 {
		return "in " + span(d)
	}
	return span(now.Sub(t)) + " ago"
}

// clock writes a time for people. All the panel's times are UTC, as those of the
// switch, of the consoles and of DNS are.
func clock(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04:05") + " UTC" }

// megabytes writes how much of something is loaded.
func megabytes(part, whole int64) string {
	return fmt.Sprintf("%.1f of %.1f MB", float64(part)/1e6, float64(whole)/1e6)
}
