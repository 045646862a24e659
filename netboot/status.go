package netboot

import (
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// Stage is how far a boot has come.
type Stage uint8

// The stages of a boot, in order; the last two are its ways of failing.
const (
	StageOff       Stage = iota // never seen
	StageDiscover               // asks for an address, or has just got power
	StageOffered                // was made an offer
	StageLoading                // asks for files
	StageKernel                 // has its kernel
	StageUp                     // its operating system got a lease
	StageStalled                // no step for too long; may recover
	StageDead                   // its firmware stopped trying
	numberOfStages = iota
)

// String returns the stage in one or two words.
func (s Stage) String() string {
	names := [numberOfStages]string{"off", "discover", "offered", "loading", "kernel", "up", "stalled", "gave up"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

// Status is where one machine's boot stands: what a person wants to see.
type Status struct {
	Machine string
	Client  Client
	Addr    netip.Addr
	Stage   Stage
	Started time.Time // when this boot was first heard of
	Last    time.Time // when it last took a step

	File        string // the file being loaded, or the last one; untrusted
	FileBytes   int64  // delivered of it
	FileSize    int64
	Bytes       int64 // delivered in this boot, whole files and the current one
	Served      int   // whole files
	Missing     int   // files asked for that are not there
	Probed      int   // files looked at and not loaded
	Retransmits int
	Nudges      int
	Boots       int // boots begun since tracking began, this one included
	Diagnosis   Diagnosis

	evidence   Evidence
	loaderOnly bool  // only a mask ROM's first files were asked for so far
	whole      int64 // bytes of the files that were delivered whole
}

// Patience says how long a [Tracker] waits before it speaks of failure. The
// zero value means the defaults that its fields name.
type Patience struct {
	// Offer is how long after an offer the first file request, or the next
	// DISCOVER, may take. Zero means 10 s.
	Offer time.Duration
	// Step is how long a boot that loads files may go without a step. Zero
	// means 20 s.
	Step time.Duration
	// GiveUp is how long after it stalled a boot without any step is
	// given up, for firmware that never starts over by itself (a Pi's). Zero
	// means 60 s.
	GiveUp time.Duration
	// Kernel is how long an operating system may take to ask for a lease.
	// Zero means for ever: it may have its address from the command line.
	Kernel time.Duration
	// Power is how long after power the first DISCOVER may take. Zero means
	// 35 s, which is longer than a spanning tree's delay.
	Power time.Duration
}

// romTries is how often a Pi's ROM and bootcode.bin send DISCOVER, five
// seconds apart, before they stop for good; lastTry is how long after the last
// one an answer could still have an effect.
const (
	romTries = 5
	lastTry  = 6 * time.Second
)

func or(d, fallback time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return fallback
}

// step returns the status after e. It is pure: all it knows of time is e.At.
func step(s Status, e Event) Status {
	if s.Started.IsZero() || e.Kind == PoweredOn || e.Kind == Discovered && s.beginsAgain(e.Client) {
		s = Status{Machine: s.Machine, Started: e.At, Boots: s.Boots + 1, loaderOnly: true, Client: s.Client, Addr: s.Addr}
	}
	s.Last = e.At
	s.Diagnosis = Diagnosis{}
	switch e.Kind {
	case PoweredOn:
		s.Stage = StageDiscover
		s.evidence.PoweredOn = true
	case Discovered, Offered, Nudged, Leased, OSLease:
		s.dhcp(e)
	case FileProgress, FileServed, FileMissing, FileProbed, FileFailed, KernelServed:
		s.file(e)
	}
	return s
}

// beginsAgain reports whether a DISCOVER of c means that a new boot begins,
// rather than that the running one reached its next stage or tries again.
func (s *Status) beginsAgain(c Client) bool {
	switch {
	case s.Stage == StageDead:
		return true
	case s.evidence.Requests == 0:
		return false // still the same tries
	case c.Firmware == FirmwareOS:
		return false // the end of this boot
	case c.Firmware == FirmwarePiBootcode:
		return !s.loaderOnly
	case c.Firmware == FirmwareIPXE:
		return s.Client.Firmware == FirmwareIPXE && s.evidence.KernelOK
	case c.Firmware == FirmwareUEFIPXE || c.Firmware == FirmwareUEFIHTTP:
		return s.evidence.KernelOK || s.Client.Firmware == FirmwareIPXE
	}
	return true
}

func (s *Status) dhcp(e Event) {
	s.setClient(e)
	switch e.Kind {
	case Discovered:
		if s.Client.Firmware == FirmwareOS {
			return // an operating system that asks again takes nothing back
		}
		s.evidence.Discovers++
		s.evidence.StuckFile = ""
		if s.Stage != StageOffered {
			s.Stage = StageDiscover
		}
	case Offered:
		if s.Client.Firmware == FirmwareOS {
			return
		}
		s.evidence.Offers++
		s.Stage = StageOffered
	case Nudged:
		s.Nudges++
		s.evidence.Nudges++
	case Leased:
		if s.Stage == StageOff { // the offer was made before this process began
			s.Stage = StageOffered
		}
	case OSLease:
		s.Stage = StageUp
	}
}

func (s *Status) setClient(e Event) {
	if e.Client.Firmware != FirmwareUnknown {
		s.Client = e.Client
		s.evidence.Firmware = e.Client.Firmware
	}
	if e.Addr.IsValid() {
		s.Addr = e.Addr
	}
}

func (s *Status) file(e Event) {
	first := s.evidence.Requests == 0
	s.evidence.Requests++
	s.evidence.Discovers, s.evidence.Offers, s.evidence.Nudges = 0, 0, 0
	if first {
		s.Client.Firmware = Refine(s.Client, e.File)
		s.evidence.Firmware = s.Client.Firmware
	}
	late := e.Kind == FileFailed && s.Stage > StageUp
	if s.Stage < StageKernel || s.Stage > StageUp && !late {
		s.Stage = StageLoading
	}
	if kind := rpi.Classify(e.File); kind != rpi.FileBootcode {
		s.loaderOnly = false
	}
	s.evidence.StuckFile = ""
	s.transfer(e)
}

func (s *Status) transfer(e Event) {
	var partial int64
	switch e.Kind {
	case FileProgress:
		s.File, s.FileBytes, s.FileSize = e.File, e.Bytes, e.Size
		s.evidence.StuckFile, s.evidence.StuckBytes = e.File, e.Bytes
		partial = e.Bytes
	case FileServed:
		s.File, s.FileBytes, s.FileSize = e.File, e.Bytes, e.Size
		s.whole += e.Bytes
		s.Served++
		s.Retransmits += e.Retransmits
		s.evidence.MissingFile = ""
	case KernelServed:
		if s.Stage != StageUp { // a quick system's lease overtakes this
			s.Stage = StageKernel
		}
		s.evidence.KernelOK = true
	case FileMissing:
		s.Missing++
		s.evidence.MissingFile = e.File
	case FileProbed:
		s.Probed++
	case FileFailed:
		s.Retransmits += e.Retransmits
		s.evidence.StuckFile, s.evidence.StuckBytes = e.File, e.Bytes
	}
	s.Bytes = s.whole + partial
}

// due returns when s will be news without any further event, and which news;
// ok is false when it never will.
func due(s Status, p Patience) (at time.Time, kind EventKind, ok bool) {
	after := func(d time.Duration) time.Time { return s.Last.Add(d) }
	ev := s.evidence
	switch s.Stage {
	case StageDiscover, StageOffered:
		switch {
		case ev.Firmware.SkipsRequest() && ev.Discovers >= romTries:
			return after(lastTry), GaveUp, true
		case ev.PoweredOn && ev.Discovers == 0:
			return after(or(p.Power, 35*time.Second)), Stalled, true
		}
		return after(or(p.Offer, 10*time.Second)), Stalled, true
	case StageLoading:
		return after(or(p.Step, 20*time.Second)), Stalled, true
	case StageKernel:
		if p.Kernel > 0 {
			return after(p.Kernel), Stalled, true
		}
	case StageStalled:
		if ev.Firmware.IsPi() && !ev.KernelOK {
			return after(or(p.GiveUp, time.Minute)), GaveUp, true
		}
	}
	return time.Time{}, 0, false
}

// expire returns s after the news kind came due at now.
func expire(s Status, kind EventKind, now time.Time) Status {
	s.Stage = StageStalled
	if kind == GaveUp {
		s.Stage = StageDead
	}
	s.Last = now
	s.Diagnosis = Diagnose(s.evidence)
	return s
}
