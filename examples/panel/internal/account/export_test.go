package account

// ParseHash reads a hash and writes it.
func ParseHash(s string) (string, Cost, error) {
	h, err := parseHash(s)
	return h.String(), h.cost, err
}

// NewHash hashes a password.
func NewHash(c Cost, password string) string { return c.hash(password).String() }

// DecodeState reads a file.
func DecodeState(data []byte) (people int, err error) {
	var s state
	err = s.decode(data)
	return len(s.People), err
}

// Fill takes all turns of the lane of strangers, or of those who are known, until the
// function that it returns is called.
func (s *Store) Fill(known bool) (empty func()) {
	l := &s.hash.strangers
	if known {
		l = &s.hash.known
	}
	for range cap(l.turns) {
		l.turns <- struct{}{}
	}
	return func() {
		for range cap(l.turns) {
			<-l.turns
		}
	}
}

// Stored is the hash of a person's password.
func (s *Store) Stored(name string) string { return s.state.Load().People[name].Hash }
