package renew

import "time"

// SetStep calls step before each change on disk.
func (s *FileStore) SetStep(step func(what string) error) { s.step = step }

// Take is Budget.take.
func (b Budget) Take(spent, now time.Time) (time.Time, time.Duration) { return b.take(spent, now) }
