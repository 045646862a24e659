package dhcp

import (
	"sync"
	"time"
)

// timers runs delayed actions. There is one set of them for each boot under
// way, with one timer, so a flood of DISCOVERs adds nothing.
type timers struct {
	run func(task)

	mu      sync.Mutex // guards the fields below
	sets    map[place]*set
	stopped bool
	running sync.WaitGroup
}

// set is the delayed actions that follow from one packet, in order of time.
type set struct {
	at    place
	start time.Time
	tasks []task
	timer *time.Timer
}

// put replaces what is pending for the boot that tasks belong to.
func (t *timers) put(start time.Time, tasks []task) {
	s := &set{at: tasks[0].timer, start: start, tasks: tasks}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return
	}
	if t.sets == nil {
		t.sets = make(map[place]*set)
	}
	if old := t.sets[s.at]; old != nil {
		t.cancel(old)
	}
	t.sets[s.at] = s
	t.arm(s)
}

// arm sets the timer of s for its first task. The caller holds mu.
func (t *timers) arm(s *set) {
	t.running.Add(1)
	s.timer = time.AfterFunc(s.tasks[0].After-time.Since(s.start), func() {
		defer t.running.Done()
		t.fire(s)
	})
}

// cancel stops the timer of s. The caller holds mu.
func (t *timers) cancel(s *set) {
	if s.timer.Stop() {
		t.running.Done()
	}
}

// fire does the first task of s, unless s was replaced, and arms the next.
func (t *timers) fire(s *set) {
	t.mu.Lock()
	if t.stopped || t.sets[s.at] != s {
		t.mu.Unlock()
		return
	}
	k := s.tasks[0]
	if s.tasks = s.tasks[1:]; len(s.tasks) > 0 {
		t.arm(s)
	} else {
		delete(t.sets, s.at)
	}
	t.mu.Unlock()
	t.run(k)
}

// stop drops what is pending, and waits for what is being done.
func (t *timers) stop() {
	t.mu.Lock()
	t.stopped = true
	for _, s := range t.sets {
		t.cancel(s)
	}
	t.mu.Unlock()
	t.running.Wait()
}
