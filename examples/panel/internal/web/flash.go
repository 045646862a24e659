package web

import "sync"

// flashes are words for the next page of a session: what a button did. They are kept
// here and not in cookies, which anybody could set.
type flashes struct {
	mu    sync.Mutex          // guards all below
	words map[string][]string // by session
	order []string            // sessions, the oldest first
}

const (
	maxFlashes  = 8    // of a session
	maxSessions = 4096 // that have not come back for theirs
)

func (f *flashes) add(session, words string) {
	if session == "" {
		return // nobody's
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.words == nil {
		f.words = make(map[string][]string)
	}
	if _, ok := f.words[session]; !ok {
		f.order = append(f.order, session)
	}
	if len(f.words[session]) < maxFlashes {
		f.words[session] = append(f.words[session], words)
	}
	for len(f.order) > maxSessions {
		delete(f.words, f.order[0])
		f.order = f.order[1:]
	}
}

func (f *flashes) take(session string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	words, ok := f.words[session]
	if !ok {
		return nil
	}
	delete(f.words, session)
	for i, s := range f.order {
		if s == session {
			f.order = append(f.order[:i], f.order[i+1:]...)
			break
		}
	}
	return words
}
