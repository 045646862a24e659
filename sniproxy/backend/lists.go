package backend

// lists order the entries of a [Cache] by use: those that were asked for once, and
// those that were asked for again, which are kept longer (a segmented LRU). A flood
// of names that nobody asks for twice passes through the first only.
type lists struct {
	once, again list
}

type links struct {
	prev, next *entry
	kept       bool // in again
}

// list is doubly linked, from the entry used last to the one to go first.
type list struct {
	first, last *entry
	n           int
}

func (l *lists) of(e *entry) *list {
	if e.kept {
		return &l.again
	}
	return &l.once
}

func (l *lists) add(e *entry) { l.of(e).push(e) }

func (l *lists) remove(e *entry) { l.of(e).unlink(e) }

// hit notes a use. At most four fifths of size entries are kept as asked again.
func (l *lists) hit(e *entry, size int) {
	l.remove(e)
	e.kept = true
	l.again.push(e)
	if l.again.n > max(1, size*4/5) {
		old := l.again.last
		l.again.unlink(old)
		old.kept = false
		l.once.push(old)
	}
}

// oldest is the entry that is to make room.
func (l *lists) oldest() *entry {
	if l.once.last != nil {
		return l.once.last
	}
	return l.again.last
}

func (l *list) push(e *entry) {
	e.prev, e.next = nil, l.first
	if l.first != nil {
		l.first.prev = e
	} else {
		l.last = e
	}
	l.first = e
	l.n++
}

func (l *list) unlink(e *entry) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		l.first = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		l.last = e.prev
	}
	e.prev, e.next = nil, nil
	l.n--
}
