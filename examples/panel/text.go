package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mythic-beasts/hostkit/netboot"
)

// describe says what an event is, for people, and how the page colours it. The
// text is empty for an event that only moves the progress bar.
func describe(e netboot.Event) (text, class string) {
	switch e.Kind {
	case netboot.PoweredOn:
		return "power is on", "asking"
	case netboot.Discovered:
		return e.Client.Firmware.String() + " asks for an address", "asking"
	case netboot.Offered:
		return "was offered " + e.Addr.String(), "asking"
	case netboot.Nudged:
		return "was sent a wake-up frame, which its ROM needs", "asking"
	case netboot.Leased:
		return "firmware took the address", "asking"
	case netboot.OSLease:
		return "its operating system is up at " + e.Addr.String(), "up"
	case netboot.Stalled:
		return strings.TrimSpace("stalled. " + e.Diagnosis.String()), "stalled"
	case netboot.GaveUp:
		return strings.TrimSpace("gave up. " + e.Diagnosis.String()), "dead"
	}
	return describeFile(e)
}

// describeFile is describe for the events of file servers.
func describeFile(e netboot.Event) (text, class string) {
	file := shownFile(e.File)
	switch e.Kind {
	case netboot.FileServed:
		return fmt.Sprintf("loaded %s, %s in %s", file, size(e.Size), e.Took.Round(time.Millisecond)), "loading"
	case netboot.FileMissing:
		return "asked for " + file + ", which is not there", "loading"
	case netboot.FileProbed:
		return "looked at " + file, "loading"
	case netboot.KernelServed:
		return "has its kernel", "loading"
	case netboot.FileRefused:
		if errors.Is(e.Err, netboot.ErrUpdateRefused) {
			return "was refused " + file + ", which it would flash into itself", "loading"
		}
		return trouble("was refused "+file, e.Err), "stalled"
	case netboot.FileFailed:
		return trouble("broke off "+file, e.Err), "stalled"
	}
	return "", ""
}

func trouble(what string, err error) string {
	if err == nil {
		return what
	}
	return what + ": " + printable(err.Error())
}

// size returns n bytes as people write it.
func size(n int64) string {
	switch {
	case n < 1e3:
		return fmt.Sprintf("%d bytes", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// shownFile is an untrusted file name as it is shown: without the directory
// that is the Pi's serial number, which says nothing in the Pi's own row.
func shownFile(name string) string {
	const digits = 8
	if len(name) > digits+1 && name[digits] == '/' && strings.Trim(name[:digits], "0123456789abcdef") == "" {
		name = name[digits+1:]
	}
	return printable(name)
}

const maxText = 200 // runes of an untrusted text that are shown

// printable makes untrusted text fit to be seen: without control characters,
// without those that change the direction of writing, and not too long. It
// does not escape: the template does, and the script sets text only.
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
