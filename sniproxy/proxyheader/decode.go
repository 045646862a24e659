package proxyheader

// Sizes of headers, in bytes.
const (
	MaxV1      = 107  // a line of version 1 with its CRLF
	DefaultMax = 4096 // what Decode takes of version 2 unless told otherwise
)

// DecodeOptions narrow what [Decode] takes. The zero value takes both versions.
type DecodeOptions struct {
	// Max bounds the whole header, in bytes. 0 is [DefaultMax].
	Max int
	// Only, unless Off, is the one version to take.
	Only Version
}

// Decode reads the header that b, all bytes received so far, begins with, and
// returns its length n.
func Decode(b []byte, o DecodeOptions) (h Header, n int, err error) {
	return Header{}, 0, ErrNotProxy
}
