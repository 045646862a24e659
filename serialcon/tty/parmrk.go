package tty

import "bytes"

// unmarker takes out the marks that the kernel puts into the bytes of a line
// with PARMRK (termios(3)): FF 00 00 for a BREAK, FF 00 X for an X that came
// with a wrong parity or framing, FF FF for an FF. A mark may be split over
// reads. A NUL with wrong parity looks like a BREAK; the kernel makes no
// difference.
type unmarker struct {
	held int // bytes of an unfinished mark: 0, 1 (FF) or 2 (FF 00)
}

// marks are what was found in some bytes.
type marks struct {
	breaks, errors int64
}

// unmark decodes p in place and returns how many bytes are left of it. An X
// with an error stays, since it is what the log can know of the line. An FF that
// starts no mark is dropped: the kernel gives none, unless another program
// turned the marks off, and then nothing tells an FF from a mark.
func (u *unmarker) unmark(p []byte) (n int, m marks) {
	if u.held == 0 && bytes.IndexByte(p, 0xff) < 0 { // nearly always
		return len(p), m
	}
	for _, b := range p {
		switch {
		case u.held == 0 && b == 0xff:
			u.held = 1
			continue
		case u.held == 1 && b == 0:
			u.held = 2
			continue
		case u.held == 2 && b == 0:
			u.held = 0
			m.breaks++
			continue
		case u.held == 2:
			m.errors++
		}
		u.held = 0
		p[n] = b
		n++
	}
	return n, m
}
