package backend

// Remembered is how many addresses have a penalty.
func (l *Lookup) Remembered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.slow)
}
