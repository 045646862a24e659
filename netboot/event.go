package netboot

import (
	"net/netip"
	"time"
)

// EventKind is the kind of one step in a boot.
type EventKind uint8

// The steps of a boot. The DHCP server reports the first group, file servers
// the second, a [Tracker] the third.
const (
	Discovered EventKind = iota + 1 // a DISCOVER came from a machine we boot
	Offered                         // an OFFER was sent
	Nudged                          // a wake-up frame was sent to a mask ROM
	Leased                          // firmware's REQUEST was acknowledged
	OSLease                         // an operating system's REQUEST was acknowledged: it is up

	FileProgress // a transfer goes on; Bytes of Size are there
	FileServed   // a whole file was received and acknowledged
	FileMissing  // a file that is not there was asked for, which is normal
	FileProbed   // a file was asked for and the transfer ended at once by the client
	FileFailed   // a transfer ended before the file did
	FileRefused  // a request was turned down by a limit or by policy
	KernelServed // FileServed for a kernel, beside it

	Stalled // no step for too long
	GaveUp  // the firmware stops trying: only a power cycle helps

	PoweredOn // the machine got power: reported by whoever switches it, and optional
)

var eventNames = [...]string{
	Discovered: "discovered", Offered: "offered", Nudged: "nudged", Leased: "leased", OSLease: "OS lease",
	FileProgress: "file progress", FileServed: "file served", FileMissing: "file missing", FileProbed: "file probed",
	FileFailed: "file failed", FileRefused: "file refused", KernelServed: "kernel served",
	Stalled: "stalled", GaveUp: "gave up", PoweredOn: "powered on",
}

// String returns the kind's name for people, such as "file served".
func (k EventKind) String() string {
	if k > 0 && int(k) < len(eventNames) {
		return eventNames[k]
	}
	return "unknown"
}

// Event is one step of a machine's boot. Only the fields that its kind has are
// set.
type Event struct {
	At      time.Time
	Kind    EventKind
	Machine string     // name of the machine; "" when it is not known
	Client  Client     // who, as far as the reporter knows
	Addr    netip.Addr // the client's address

	// Of the file events: the file's name as it was asked for, untrusted;
	// bytes delivered and the file's size; how long the transfer took; its
	// smoothed round trip time; how many packets were sent again.
	File        string
	Bytes, Size int64
	Took        time.Duration
	RTT         time.Duration
	Retransmits int

	// Err says why, for FileFailed and FileRefused.
	Err error
	// Diagnosis says what is likely wrong, for Stalled and GaveUp.
	Diagnosis Diagnosis
}

// Observer is told of events. Observe is called from many goroutines, must not
// block and must not keep the Client's slices for writing.
type Observer interface{ Observe(Event) }

// ObserverFunc is a function that is an [Observer].
type ObserverFunc func(Event)

// Observe calls f.
func (f ObserverFunc) Observe(e Event) { f(e) }

// Observers returns an observer that tells each of obs in order; nil ones are
// left out.
func Observers(obs ...Observer) Observer {
	kept := make([]Observer, 0, len(obs))
	for _, o := range obs {
		if o != nil {
			kept = append(kept, o)
		}
	}
	return ObserverFunc(func(e Event) {
		for _, o := range kept {
			o.Observe(e)
		}
	})
}
