package netboottest

import (
	"crypto/sha256"
	"errors"
	"net/netip"
	"path"
	"time"
)

// Why a boot failed. The error of [Pi.Run] wraps one of these and says more.
var (
	ErrGaveUp    = errors.New("it gave up and sends no more DISCOVERs: that takes a power cycle")
	ErrNoFile    = errors.New("a file it cannot do without is not there")
	ErrNoKernel  = errors.New("no kernel is there")
	ErrStalled   = errors.New("a transfer stood still")
	ErrTruncated = errors.New("a file is longer than its block counter reaches")
	ErrNoLease   = errors.New("the operating system got no address")
)

// StageName says which program of a boot runs.
type StageName string

// The stages of a boot.
const (
	StageROM      StageName = "ROM"          // mask ROM of the Pi 3B and 3B+
	StageBootcode StageName = "bootcode.bin" // and start.elf, which it loads
	StageEEPROM   StageName = "EEPROM"       // and start4.elf, which it loads on a Pi 4
	StageOS       StageName = "OS"
)

// Boot is what one run of an emulated machine came to.
type Boot struct {
	Addr    netip.Addr // the firmware's own address, from its last OFFER
	Server  netip.Addr // the file server that it chose then
	OSAddr  netip.Addr // the operating system's address; zero without one
	Kernel  string     // name of the kernel that it got; "" for none
	Stages  []Stage    // in their order
	Files   []File     // every file it asked for, in order, repeats too
	Updates []string   // files it got and would have flashed into itself
	Took    time.Duration

	Discovers     int // sent by firmware, in all stages
	Fragments     int // IP fragments that came and were dropped
	BadChecksums  int // datagrams dropped for theirs
	UnansweredARP int // requests for its address that it left without answer
}

// Stage is one program's part of a boot.
type Stage struct {
	Name      StageName
	Start     time.Time
	Took      time.Duration
	Discovers int
}

// Outcome says how the transfer of a file ended.
type Outcome uint8

// The outcomes of a transfer.
const (
	Got       Outcome = iota + 1 // all of it came
	Missing                      // the server says that it has none
	Probed                       // it is there: the client broke off on purpose
	Stalled                      // nothing came for too long
	Failed                       // the server sent another error, or nonsense
	Truncated                    // the block counter came to its end before the file
)

// String returns the outcome in one word.
func (o Outcome) String() string {
	names := [...]string{Got: "got", Missing: "missing", Probed: "probed", Stalled: "stalled", Failed: "failed", Truncated: "truncated"}
	if o > 0 && int(o) < len(names) {
		return names[o]
	}
	return "unknown"
}

// File is one transfer of a file.
type File struct {
	Name       string // as it was asked for, with its prefix
	Stage      StageName
	Outcome    Outcome
	Bytes      int64             // received
	Size       int64             // as the server told it; 0 when it did not
	SHA256     [sha256.Size]byte // of what was received
	Start      time.Time
	Took       time.Duration
	Requests   int    // read requests sent, 1 when the first was answered
	Duplicates int    // DATA packets that were not the next one
	Message    string // the server's error text, untrusted
}

// File returns the last transfer of a file that name is the base name of, or
// the whole name.
func (b *Boot) File(name string) (File, bool) {
	for i := len(b.Files) - 1; i >= 0; i-- {
		if f := b.Files[i]; f.Name == name || path.Base(f.Name) == name {
			return f, true
		}
	}
	return File{}, false
}

// Step is one thing that an emulated machine did or met.
type Step struct {
	At    time.Time
	Stage StageName
	Kind  StepKind
	Text  string // for people: an address, why an OFFER was not taken, …
	File  *File  // for the file steps, a copy
}

// StepKind is the kind of a [Step].
type StepKind uint8

// The kinds of step.
const (
	StepStage    StepKind = iota + 1 // a stage starts
	StepDiscover                     // a DISCOVER was sent
	StepIgnored                      // a reply was not taken, for the reason in Text
	StepOffer                        // an OFFER was taken
	StepRequest                      // a REQUEST was sent
	StepLease                        // an ACK was taken
	StepFile                         // a file was asked for
	StepProgress                     // more of it is there
	StepFileEnd                      // its transfer ended
	StepBooted                       // the kernel is complete
	StepFailed                       // the boot failed, for the reason in Text
)

// String returns the kind for people, such as "file end".
func (k StepKind) String() string {
	names := [...]string{
		StepStage: "stage", StepDiscover: "DISCOVER", StepIgnored: "ignored", StepOffer: "OFFER", StepRequest: "REQUEST",
		StepLease: "lease", StepFile: "file", StepProgress: "progress", StepFileEnd: "file end", StepBooted: "booted", StepFailed: "failed",
	}
	if k > 0 && int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}
