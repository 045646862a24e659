package main

import (
	"fmt"
	"strings"

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
		Bytes: s.Bytes, File: shownFile(s.File), Resent: s.Retransmits,
	}
	if e.off {
		r.Stage, r.Class, r.Bytes, r.File = "off", "off", 0, ""
	}
	r.Bytes = min(r.Bytes, r.Total)
	if !e.off && (s.Stage == netboot.StageKernel || s.Stage == netboot.StageUp) {
		r.Bytes, r.File = r.Total, "" // what it did not ask for it does not need
	}
	r.Loaded = fmt.Sprintf("%.1f of %.1f MB", float64(r.Bytes)/1e6, float64(r.Total)/1e6)
	return r
}

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
