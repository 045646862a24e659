package deb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

// Source is an archive of packages, as a private apt sees it. Its methods may
// be called at the same time, from several processes too: one waits for the
// other. Do not change it after the first call.
type Source struct {
	// Dir holds the package lists and the packages that were fetched. It is
	// made when it does not exist, may be removed at any time that it is not in
	// use, and must not be shared with a Source that differs. It is required.
	Dir string
	// Suite is the release: "bookworm" or "trixie". It is required.
	Suite string
	// Arch is the architecture of the packages. It is required.
	Arch nfsroot.Arch
	// Mirrors are the archives, in apt's order. Nil means Debian's, with the
	// suite's updates and security fixes, and with contrib and
	// non-free-firmware, where a Pi's firmware is.
	Mirrors []nfsroot.Mirror
	// Keyring is the absolute path of the OpenPGP keys that sign the archives.
	// Empty means [nfsroot.DefaultKeyring].
	Keyring string
	// Snapshot is the time as of which packages are wanted, from
	// snapshot.debian.org when Mirrors is nil. Zero means the archives as they
	// are.
	Snapshot time.Time
	// MaxAge is how old package lists may be before they are fetched again.
	// Zero means a day, negative always. Lists of a Snapshot do not age. When no
	// mirror can be reached, older lists do.
	MaxAge time.Duration
	// Log hears of lists that could not be renewed. Nil discards.
	Log *slog.Logger
}

const defaultMaxAge = 24 * time.Hour

// spec is the part of a root's spec that says where packages come from.
func (s *Source) spec() (nfsroot.Spec, error) {
	mirrors := s.Mirrors
	if mirrors == nil {
		mirrors = nfsroot.DebianMirrors(s.Suite, s.Snapshot, "main", "contrib", "non-free-firmware")
	}
	spec := nfsroot.Spec{Suite: s.Suite, Arch: s.Arch, Mirrors: mirrors, Keyring: s.Keyring, Snapshot: s.Snapshot}
	return spec, spec.Validate()
}

// Update fetches the package lists, however old those are that are there.
func (s *Source) Update(ctx context.Context) error {
	_, err := s.open(ctx, -1)
	return err
}

// open locks the folder and returns the apt in it, with lists that are not
// older than maxAge.
func (s *Source) open(ctx context.Context, maxAge time.Duration) (*apt, error) {
	spec, err := s.spec()
	if err != nil {
		return nil, fmt.Errorf("deb: %w", err)
	}
	dir, err := filepath.Abs(s.Dir)
	if err != nil || s.Dir == "" || strings.ContainsAny(dir, "\"\\;{}\n") {
		return nil, fmt.Errorf("deb: Dir %q cannot be a folder of apt", s.Dir)
	}
	a := &apt{dir: dir, sources: spec.SourcesList("")}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("deb: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("deb: lock %s: %w", dir, err)
	}
	defer unlock()
	if err := a.setUp(ctx, s.Arch); err != nil {
		return nil, fmt.Errorf("deb: %w", err)
	}
	age := a.age()
	if age >= 0 && (maxAge >= 0 && age < maxAge || maxAge >= 0 && !s.Snapshot.IsZero()) {
		return a, nil
	}
	err = a.update(ctx)
	if err != nil && age >= 0 && maxAge >= 0 && errors.Is(err, ErrOffline) {
		s.log().Warn("deb: package lists are old, and no mirror answers", "dir", dir, "age", age, "error", err)
		return a, nil
	}
	if err != nil {
		return nil, fmt.Errorf("deb: package lists of %s: %w", s.Suite, err)
	}
	return a, nil
}

func (s *Source) maxAge() time.Duration {
	switch {
	case s.MaxAge == 0:
		return defaultMaxAge
	case s.MaxAge < 0:
		return 0 // whatever is there is too old, but better than nothing
	}
	return s.MaxAge
}

func (s *Source) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}
