package qbridge

import (
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// detect finds the format of the lists that a switch has.
//
// Text is told by its characters and by its length, which differs from VLAN to
// VLAN or makes more sense than the same octets as a bitmap. Reversed bits are
// told by ports that do not exist, and by ports that are no untagged members of
// their PVID, which nearly every port of every switch is.
func detect(rows []row, pvids map[int]vlan.VID) Format {
	straight := read(rows, pvids, Bitmap)
	if looksLikeText(rows) {
		if text := read(rows, pvids, Text); text.agree > straight.agree || lengths(rows) > 1 {
			return Text
		}
	}
	reversed := read(rows, pvids, Reversed)
	switch {
	case straight.strays > 0 && reversed.strays == 0 && reversed.agree >= straight.agree,
		reversed.agree > straight.agree && straight.agree*2 < len(pvids):
		return Reversed
	}
	return Bitmap
}

// looksLikeText reports whether all lists could be numbers with commas.
func looksLikeText(rows []row) bool {
	some := false
	for _, r := range rows {
		text := strings.TrimRight(string(r.egress.Bytes), "\x00")
		if strings.Trim(text, "0123456789, ") != "" || text == "" && len(r.egress.Bytes) > 0 {
			return false
		}
		some = some || text != ""
	}
	return some
}

// lengths counts how many different ones the lists have that are not empty.
func lengths(rows []row) int {
	seen := make(map[int]bool)
	for _, r := range rows {
		if n := len(r.egress.Bytes); n > 0 {
			seen[n] = true
		}
	}
	return len(seen)
}

// reading is how much sense lists make in a format.
type reading struct {
	agree  int // ports that are untagged members of their PVID
	strays int // members that are no ports
}

func read(rows []row, pvids map[int]vlan.VID, f Format) reading {
	var sense reading
	for _, r := range rows {
		egress, err := ParsePortList(r.egress.Bytes, f)
		if err != nil {
			return reading{strays: 1}
		}
		untagged, err := ParsePortList(r.untagged.Bytes, f)
		if err != nil {
			return reading{strays: 1}
		}
		for _, number := range egress.Ports() {
			pvid, port := pvids[number]
			switch {
			case !port:
				sense.strays++
			case pvid == r.vid && untagged.Has(number):
				sense.agree++
			}
		}
	}
	return sense
}
