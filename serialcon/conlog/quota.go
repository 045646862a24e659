package conlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// owned is a closed segment of some console.
type owned struct {
	segment
	dir string
}

// closedSegments lists the closed segments of all consoles, also of those that
// are not open, the oldest first, and the bytes of all segments.
func (s *Store) closedSegments() (out []owned, total int64, err error) {
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range entries {
		if !e.IsDir() || serialcon.CheckName(e.Name()) != nil {
			continue
		}
		dir := filepath.Join(s.Dir, e.Name())
		segments, _, err := list(dir)
		if err != nil {
			return nil, 0, err
		}
		for i, g := range segments {
			total += g.size
			if i < len(segments)-1 {
				out = append(out, owned{segment: g, dir: dir})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b owned) int { return a.last.Compare(b.last) })
	return out, total, nil
}

// retain removes the oldest segments beyond the quota of all.
func (s *Store) retain() error {
	if s.Quota <= 0 {
		return nil
	}
	segments, total, err := s.closedSegments()
	var errs []error
	for _, g := range segments {
		if total <= s.Quota {
			break
		}
		errs = append(errs, os.Remove(filepath.Join(g.dir, g.name())))
		total -= g.size
		s.Options.withDefaults().Logger.Info("conlog: a segment is removed", "dir", g.dir, "segment", g.name(), "quota", "of all")
	}
	if err := errors.Join(append(errs, err)...); err != nil {
		return fmt.Errorf("conlog: quota of %s: %w", s.Dir, err)
	}
	return nil
}

// relieve makes room on a full disk: the oldest segment goes of the console
// that takes the most, so that one that floods pays for it.
func (s *Store) relieve() (freed int64) {
	segments, _, err := s.closedSegments()
	if err != nil {
		return 0
	}
	sums := make(map[string]int64)
	for _, g := range segments {
		sums[g.dir] += g.size
	}
	most := ""
	for dir, sum := range sums {
		if most == "" || sum > sums[most] {
			most = dir
		}
	}
	if most == "" {
		return 0
	}
	return dropOldest(most)
}
