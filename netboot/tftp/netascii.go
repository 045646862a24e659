package tftp

import (
	"bytes"
	"fmt"
	"io"
)

// maxText is the largest file that is sent as netascii. The conversion must be
// complete before the first packet, for tsize, and is kept in memory; what is
// asked for in this mode is a configuration file typed by a person.
const maxText = 64 << 10

// textFile is a file converted to netascii (RFC 764: lines end in CR LF, a
// bare CR is CR NUL).
type textFile struct{ *bytes.Reader }

func (textFile) Close() error { return nil }

// newTextFile converts f and closes it.
func newTextFile(f File) (File, error) {
	defer f.Close()
	size := f.Size()
	if size > maxText {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLargeForText, size, maxText)
	}
	raw := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, size), raw); err != nil {
		return nil, fmt.Errorf("tftp: read for netascii: %w", err)
	}
	return textFile{bytes.NewReader(toNetASCII(raw))}, nil
}

func toNetASCII(p []byte) []byte {
	out := make([]byte, 0, len(p)+bytes.Count(p, []byte{'\n'})+bytes.Count(p, []byte{'\r'}))
	for _, c := range p {
		switch c {
		case '\n':
			out = append(out, '\r', '\n')
		case '\r':
			out = append(out, '\r', 0)
		default:
			out = append(out, c)
		}
	}
	return out
}
