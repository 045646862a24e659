package demo

import (
	"io/fs"
	"net/netip"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/vlan"
)

// slot is a place on the shelf: what the house knows of the Pi in it.
type slot struct {
	plan    vlan.Pi
	number  int // from 1
	owner   string
	machine *machine
	total   int64 // bytes of its boot files
	console *console

	mu      sync.Mutex // guards all below
	history history
	power   model.Power
	watts   float64
	wanted  bool // whether it is to have power
	faint   int  // looks in a row at which it was to have power and drew none
	root    int
	made    time.Time // when the root was
	busy    string    // what is done with it
	problem string    // what is wrong with it, if more than that can be said
	done    Healed
}

// view is the slot as the panel shows it.
func (s *slot) view() model.Pi {
	connected := s.console.open() // which the console asks its own lock for
	s.mu.Lock()
	defer s.mu.Unlock()
	pi := model.Pi{
		Name: s.plan.Name, Owner: s.owner, Model: s.machine.label, Serial: s.machine.serial(),
		Shelf: shelfName, Slot: s.number, Switch: switchName, Port: s.number,
		VLAN: int(s.plan.VID), PublicVLAN: publicVLAN,
		Address: netip.PrefixFrom(s.plan.Addr, s.plan.Net.Bits()), FileServer: s.plan.Server, Public: s.plan.Public.Addr(),
		Power: s.power, Watts: s.watts, Boot: s.history.now(), Root: s.root, RootMade: s.made,
		Console: connected, Busy: s.busy, Problem: s.problem,
	}
	if s.power == model.PowerOff {
		pi.Boot.Class, pi.Boot.Stage, pi.Boot.Loaded, pi.Boot.File = model.Off, "off", 0, ""
	}
	return pi
}

// follow takes in how the boot stands.
func (s *slot) follow(status netboot.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.history.follow(status, s.total)
}

// set changes what the slot knows.
func (s *slot) set(change func(*slot)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// generation is that of the root.
func (s *slot) generation() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.root
}

// ailment is what is wrong with the Pi, as far as a power cycle may help. "" is a Pi
// that is well, that is to have no power, or that somebody is at.
func (s *slot) ailment() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	boot := s.history.now()
	switch {
	case !s.wanted || s.busy != "":
		return ""
	case s.faint >= faintLooks && s.power == model.PowerOff:
		return "its port gives no power"
	case s.faint >= faintLooks:
		return "its port says that it gives power and it draws none"
	case boot.Class == model.Dead && !boot.Up.IsZero():
		return "it " + boot.Stage
	case boot.Class == model.Dead:
		return "it gave up booting"
	}
	return ""
}

// faintLooks is how many looks in a row must show a Pi without a watt. The first may
// have begun before it got power, and the second before it drew any.
const faintLooks = 3

// look counts looks at the switch, at which the Pi draws power or not.
func (s *slot) look(draws bool) {
	s.faint++
	if draws || !s.wanted || s.busy != "" {
		s.faint = 0
	}
}

// treeSize returns the bytes in all files of a tree in memory.
func treeSize(tree fs.FS) int64 {
	var total int64
	_ = fs.WalkDir(tree, ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total
}
