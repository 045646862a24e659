package filekv

import "time"

var FileName = fileName

// SetPoll makes Watch look for changes itself.
func SetPoll(s *Store, every time.Duration) { s.poll = every }

// SetStep sets what is called before each step of a write.
func SetStep(s *Store, step func(string) error) { s.step = step }
