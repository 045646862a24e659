package httphead

// Limits bounds what a head may take. The zero value means the defaults.
type Limits struct {
	// Head is the largest head in bytes, from the first byte to the empty line.
	// Zero means 16384; the most is 65535.
	Head int
	// Fields is the largest number of field lines. Zero means 100.
	Fields int
}

const (
	defaultHead   = 16384
	maxHead       = 65535
	defaultFields = 100
)

func (l Limits) head() int {
	if l.Head <= 0 {
		return defaultHead
	}
	return min(l.Head, maxHead)
}

func (l Limits) fields() int {
	if l.Fields <= 0 {
		return defaultFields
	}
	return l.Fields
}
