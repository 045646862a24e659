package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mythic-beasts/hostkit/netboot"
)

// row is one machine as the page shows it. Every string is text for people.
type row struct {
	Name   string `json:"name"`
	Model  string `json:"model"`
	Stage  string `json:"stage"`
	Class  string `json:"class"` // how the page colours it
	Bytes  int64  `json:"bytes"` // loaded of Total
	Total  int64  `json:"total"`
	Loaded string `json:"loaded"`
	File   string `json:"file"`
	Resent int    `json:"resent"`
	Last   string `json:"last"`
}

func newRow(e *entry, s netboot.Status) row {
	r := row{
		Name: e.name, Model: e.model, Last: e.last, Total: max(e.total, 1),
		Stage: s.Stage.String(), Class: classOf(s.Stage),
		Bytes: s.Bytes, File: printable(s.File), Resent: s.Retransmits,
	}
	if e.off {
		r.Stage, r.Class, r.Bytes, r.File = "off", "off", 0, ""
	}
	r.Bytes = min(r.Bytes, r.Total)
	if !e.off && (s.Stage == netboot.StageKernel || s.Stage == netboot.StageUp) {
		r.Bytes, r.File = r.Total, "" // what it did not ask for it does not need
	}
	r.Loaded = fmt.Sprintf("%s of %s MB", megabytes(r.Bytes), megabytes(r.Total))
	return r
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e6) }

// classOf returns the name that the style sheet knows a stage by.
func classOf(s netboot.Stage) string {
	switch s {
	case netboot.StageOff:
		return "off"
	case netboot.StageDiscover, netboot.StageOffered:
		return "asking"
	case netboot.StageLoading, netboot.StageKernel:
		return "loading"
	case netboot.StageUp:
		return "up"
	case netboot.StageStalled:
		return "stalled"
	}
	return "dead"
}

// tally counts machines by class.
type tally struct{ all, up, loading, asking, trouble, off int }

func (t *tally) add(class string) {
	t.all++
	switch class {
	case "up":
		t.up++
	case "loading":
		t.loading++
	case "asking":
		t.asking++
	case "off":
		t.off++
	default:
		t.trouble++
	}
}

// String says how the shelf stands, such as "7 of 12 up, 5 loading".
func (t *tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d up", t.up, t.all)
	for _, part := range []struct {
		n    int
		what string
	}{{t.loading, "loading"}, {t.asking, "asking for an address"}, {t.trouble, "in trouble"}, {t.off, "off"}} {
		if part.n > 0 {
			fmt.Fprintf(&b, ", %d %s", part.n, part.what)
		}
	}
	return b.String()
}

// describe says what an event is, for people, and how the page colours it. The
// text is empty for an event that only moves the progress bar.
func describe(e netboot.Event) (text, class string) {
	file := printable(e.File)
	switch e.Kind {
	case netboot.PoweredOn:
		return "power is on", "asking"
	case netboot.Discovered:
		return "asks for an address: " + e.Client.Firmware.String(), "asking"
	case netboot.Offered:
		return "was offered " + e.Addr.String(), "asking"
	case netboot.Nudged:
		return "was sent a wake-up frame, which its ROM needs", "asking"
	case netboot.Leased:
		return "firmware took the address", "asking"
	case netboot.OSLease:
		return "its operating system is up at " + e.Addr.String(), "up"
	case netboot.FileServed:
		return fmt.Sprintf("loaded %s, %s MB in %s", file, megabytes(e.Size), e.Took.Round(10*time.Millisecond)), "loading"
	case netboot.FileMissing:
		return "asked for " + file + ", which is not there", "loading"
	case netboot.FileProbed:
		return "looked at " + file, "loading"
	case netboot.FileFailed, netboot.FileRefused:
		text := e.Kind.String() + ": " + file
		if e.Err != nil {
			text += ": " + printable(e.Err.Error())
		}
		return text, "stalled"
	case netboot.KernelServed:
		return "has its kernel", "loading"
	case netboot.Stalled:
		return strings.TrimSpace("stalled. " + e.Diagnosis.String()), "stalled"
	case netboot.GaveUp:
		return strings.TrimSpace("gave up. " + e.Diagnosis.String()), "dead"
	}
	return "", ""
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
