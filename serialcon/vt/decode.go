package vt

import "unicode/utf8"

// decoder puts together UTF-8 that may be split over writes. Of bytes that are
// no UTF-8, the longest start of a character counts as one replacement
// character, so that a C1 control is only ever seen where no character began.
type decoder struct {
	r      rune
	need   uint8 // bytes still to come
	lo, hi byte  // what the next one may be
}

// begin takes the first byte of a character, at least 0x80. It returns the rune
// where that is decided, and c1 for an 8-bit control.
func (d *decoder) begin(b byte) (r rune, done, c1 bool) {
	d.lo, d.hi = 0x80, 0xbf
	switch {
	case b < 0xa0:
		return rune(b), true, true
	case b >= 0xc2 && b <= 0xdf:
		d.r, d.need = rune(b&0x1f), 1
	case b >= 0xe0 && b <= 0xef:
		d.r, d.need = rune(b&0x0f), 2
		switch b {
		case 0xe0:
			d.lo = 0xa0
		case 0xed:
			d.hi = 0x9f // no surrogates
		}
	case b >= 0xf0 && b <= 0xf4:
		d.r, d.need = rune(b&0x07), 3
		switch b {
		case 0xf0:
			d.lo = 0x90
		case 0xf4:
			d.hi = 0x8f // nothing above U+10FFFF
		}
	default:
		return utf8.RuneError, true, false
	}
	return 0, false, false
}

// more takes a further byte. If that cannot continue the character it is not
// used, and the rune is the replacement character.
func (d *decoder) more(b byte) (r rune, used, done bool) {
	if b < d.lo || b > d.hi {
		d.need = 0
		return utf8.RuneError, false, true
	}
	d.lo, d.hi = 0x80, 0xbf
	d.r = d.r<<6 | rune(b&0x3f)
	d.need--
	return d.r, true, d.need == 0
}
