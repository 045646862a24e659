package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// status is one line of the status socket: where a machine's boot stands. Of
// what the machine itself sent it has File alone, which is untrusted.
type status struct {
	Machine  string    `json:"machine"`
	Stage    string    `json:"stage"` // as [netboot.Stage] says it
	Firmware string    `json:"firmware,omitempty"`
	Model    string    `json:"model,omitempty"` // of a Pi
	MAC      string    `json:"mac,omitempty"`
	Addr     string    `json:"addr,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Last     time.Time `json:"last,omitzero"`

	File        string `json:"file,omitempty"`
	FileBytes   int64  `json:"file_bytes,omitempty"`
	FileSize    int64  `json:"file_size,omitempty"`
	Bytes       int64  `json:"bytes,omitempty"`
	Served      int    `json:"served,omitempty"`
	Missing     int    `json:"missing,omitempty"`
	Retransmits int    `json:"retransmits,omitempty"`
	Nudges      int    `json:"nudges,omitempty"`
	Boots       int    `json:"boots,omitempty"`

	Code   string `json:"diagnosis,omitempty"`
	Text   string `json:"text,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

func newStatus(s netboot.Status) status {
	out := status{
		Machine: s.Machine, Stage: s.Stage.String(), MAC: s.Client.MAC.String(),
		Started: s.Started.Round(0), Last: s.Last.Round(0), // for ==, without the monotonic clock
		File: s.File, FileBytes: s.FileBytes, FileSize: s.FileSize, Bytes: s.Bytes, Served: s.Served,
		Missing: s.Missing, Retransmits: s.Retransmits, Nudges: s.Nudges, Boots: s.Boots,
		Code: s.Diagnosis.Code, Text: s.Diagnosis.Text, Remedy: s.Diagnosis.Remedy,
	}
	if s.Client.Firmware != netboot.FirmwareUnknown {
		out.Firmware = s.Client.Firmware.String()
	}
	if s.Client.Pi != nil && s.Client.Pi.Model != rpi.ModelUnknown {
		out.Model = s.Client.Pi.Model.String()
	}
	if s.Addr.IsValid() {
		out.Addr = s.Addr.String()
	}
	return out
}

// statuses returns how every machine of names stands, also those never heard
// of, and those heard of that are not among them, by name.
func statuses(t *netboot.Tracker, names []string) []netboot.Status {
	all := t.All()
	known := make(map[string]bool)
	for _, s := range all {
		known[s.Machine] = true
	}
	for _, name := range names {
		if !known[name] {
			all = append(all, netboot.Status{Machine: name})
		}
	}
	slices.SortFunc(all, func(a, b netboot.Status) int { return cmp.Compare(a.Machine, b.Machine) })
	return all
}
