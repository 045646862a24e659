package renew

import "time"

// SetStep calls step before each change on disk.
func (s *FileStore) SetStep(step func(what string) error) { s.step = step }

// Take is Budget.take.
func (b Budget) Take(spent, now time.Time) (time.Time, time.Duration) { return b.take(spent, now) }

// Waiting is the queue of a Manager.
type Waiting struct{ q queue }

// Put adds an entry.
func (w *Waiting) Put(due time.Time) { w.q.put(new(entry), due) }

// Next takes out the next entry that is due, puts it back for later and says whether there
// was one.
func (w *Waiting) Next(now, later time.Time) bool {
	e := w.q.due(now)
	if e != nil {
		w.q.put(e, later)
	}
	return e != nil
}
