package manager

import (
	"errors"
	"fmt"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// What errors.Is finds in the errors of this package, besides those of package rotate.
var (
	// ErrHalted is for a zone with which nothing is done until a person has looked:
	// it stays published as it is.
	ErrHalted = errors.New("zone is halted")
	// ErrKey is for a key that is needed and not to be had.
	ErrKey = errors.New("key is lost or unreadable")
	// ErrClock is for a clock that cannot be trusted now.
	ErrClock = errors.New("clock is not trusted")
	// ErrForeignDS is for a parent that has the DS of another signer's key, while the
	// zone is to be signed for the first time: to publish a key of ours now would make
	// the zone bogus.
	ErrForeignDS = errors.New("parent has a DS of another signer")
	// ErrContents is for a zone whose contents are not known.
	ErrContents = errors.New("contents of the zone are not known")
)

// halted makes an error one that a person must look at.
func halted(zone string, err error, do string) error {
	return fmt.Errorf("manager: %w: %q: %w: %s", ErrHalted, zone, err, do)
}

// halts says whether an error takes a person.
func halts(err error) bool {
	return errors.Is(err, ErrHalted) || errors.Is(err, ErrDamaged) || errors.Is(err, rotate.ErrState) || errors.Is(err, rotate.ErrPolicy)
}
