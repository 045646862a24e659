package demo

import (
	"strings"
	"time"
	"unicode"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
	"github.com/mythic-beasts/hostkit/netboot"
)

// maxBoots is how many boots of a Pi are remembered.
const maxBoots = 50

// history is the boots of one Pi, the latest last. It is a record of what a
// [netboot.Tracker] says, and of the power.
type history struct {
	boots []model.Boot
	began time.Time // the latest, by the tracker
}

// now is the boot that goes on, or the last.
func (h *history) now() model.Boot {
	if len(h.boots) == 0 {
		return model.Boot{Class: model.Off, Stage: "off"}
	}
	return h.boots[len(h.boots)-1]
}

// latest are the last n boots, the latest first.
func (h *history) latest(n int) []model.Boot {
	var list []model.Boot
	for i := len(h.boots) - 1; i >= 0 && len(list) < n; i-- {
		list = append(list, h.boots[i])
	}
	return list
}

// follow takes in how the boot stands, of which total bytes are to be loaded.
func (h *history) follow(s netboot.Status, total int64) {
	if !s.Started.Equal(h.began) || len(h.boots) == 0 {
		h.end(s.Started)
		h.began = s.Started
		if len(h.boots) == maxBoots {
			h.boots = append(h.boots[:0], h.boots[1:]...)
		}
		h.boots = append(h.boots, model.Boot{})
	}
	b := &h.boots[len(h.boots)-1]
	if !b.Ended.IsZero() {
		return // what is heard of it after its power went
	}
	crashed := b.Class == model.Dead && !b.Up.IsZero()
	if crashed {
		return
	}
	*b = model.Boot{
		Began: s.Started, Up: b.Up, Class: classOf(s.Stage), Stage: s.Stage.String(),
		Loaded: min(s.Bytes, total), Total: total, File: shownFile(s.File), Resent: s.Retransmits,
		Diagnosis: s.Diagnosis.String(),
	}
	switch s.Stage {
	case netboot.StageUp:
		b.Loaded, b.File = total, "" // what it did not ask for it does not need
		if b.Up.IsZero() {
			b.Up = s.Last
		}
	case netboot.StageKernel:
		b.Loaded, b.File = total, ""
	}
}

// crash is that the operating system of a boot that came up is no more.
func (h *history) crash(words string) {
	if len(h.boots) == 0 {
		return
	}
	b := &h.boots[len(h.boots)-1]
	if b.Ended.IsZero() {
		b.Class, b.Stage, b.Diagnosis = model.Dead, "crashed", words
	}
}

// end is that the power went, or that it began to boot again.
func (h *history) end(at time.Time) {
	if len(h.boots) == 0 {
		return
	}
	b := &h.boots[len(h.boots)-1]
	if b.Ended.IsZero() {
		b.Ended = at
	}
}

// classOf is the word that pages colour a stage by.
func classOf(s netboot.Stage) model.Class {
	switch s {
	case netboot.StageOff:
		return model.Off
	case netboot.StageDiscover, netboot.StageOffered:
		return model.Asking
	case netboot.StageLoading, netboot.StageKernel:
		return model.Loading
	case netboot.StageUp:
		return model.Up
	case netboot.StageStalled:
		return model.Stalled
	}
	return model.Dead
}

// shownFile is a file's name as it is shown: without the folder that is the Pi's
// serial number, which says nothing beside the Pi's own name, and without what is no
// text, since a Pi may ask for anything.
func shownFile(name string) string {
	const digits, most = 8, 200
	if len(name) > digits+1 && name[digits] == '/' && strings.Trim(name[:digits], "0123456789abcdef") == "" {
		name = name[digits+1:]
	}
	name = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return unicode.ReplacementChar
		}
		return r
	}, name)
	return strings.ToValidUTF8(name[:min(len(name), most)], "")
}
