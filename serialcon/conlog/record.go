package conlog

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// A record is a line of a segment: a stamp, a kind, a payload without a line
// feed, and a line feed. Whatever the port says stands behind a stamp and a
// kind of ours, so that it can begin no record.
const (
	kindLine  = ' ' // bytes of the port; a line feed of the port's came after them
	kindPart  = '+' // bytes of the port that go on in the next such record
	kindEvent = '!' // an event in JSON
	kindClock = '#' // wall and monotonic clock in JSON

	stampLen   = len("2006-01-02T15:04:05.000Z")
	headLen    = stampLen + 1
	maxPayload = 64 << 10 // of the port's bytes in a record
)

type record struct {
	at      int64 // milliseconds of Unix time
	kind    byte
	payload []byte
}

// clockMark is the payload of a kindClock record.
type clockMark struct {
	Session string `json:"session"` // of one Open; Mono counts from it
	Mono    int64  `json:"mono"`    // nanoseconds
	Step    int64  `json:"step"`    // milliseconds by which the wall clock was set
}

// stamper writes stamps, and remembers the last second's.
type stamper struct {
	sec  int64
	text [stampLen]byte
	ok   bool
}

// head appends a stamp and a kind.
func (s *stamper) head(dst []byte, at time.Time, kind byte) []byte {
	sec := at.Unix()
	if !s.ok || sec != s.sec {
		at = at.UTC()
		switch year := at.Year(); { // a stamp has four digits
		case year < 0:
			at = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
		case year > 9999:
			at = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
		}
		copy(s.text[:], at.Format("2006-01-02T15:04:05.000Z"))
		s.sec, s.ok = sec, true
	}
	ms := at.Nanosecond() / 1e6
	s.text[20], s.text[21], s.text[22] = byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10)
	return append(append(dst, s.text[:]...), kind)
}

// data appends records for what the port said.
func (s *stamper) data(dst []byte, at time.Time, p []byte) []byte {
	for len(p) > 0 {
		n := bytes.IndexByte(p[:min(len(p), maxPayload)], '\n')
		kind, skip := byte(kindLine), 1
		if n < 0 {
			n, kind, skip = min(len(p), maxPayload), kindPart, 0
		}
		dst = append(append(s.head(dst, at, kind), p[:n]...), '\n')
		p = p[n+skip:]
	}
	return dst
}

// json appends a record of another kind.
func (s *stamper) json(dst []byte, at time.Time, kind byte, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return dst, err
	}
	return append(append(s.head(dst, at, kind), text...), '\n'), nil
}

// parse reads a record without its line feed.
func parse(line []byte) (record, bool) {
	if len(line) < headLen {
		return record{}, false
	}
	kind := line[stampLen]
	switch kind {
	case kindLine, kindPart, kindEvent, kindClock:
	default:
		return record{}, false
	}
	at, ok := parseStamp(line[:stampLen])
	return record{at: at, kind: kind, payload: line[headLen:]}, ok
}

// parseStamp returns milliseconds of Unix time.
func parseStamp(s []byte) (int64, bool) {
	if s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != '.' || s[23] != 'Z' {
		return 0, false
	}
	year, ok1 := digits(s[0:4])
	month, ok2 := digits(s[5:7])
	day, ok3 := digits(s[8:10])
	hour, ok4 := digits(s[11:13])
	minute, ok5 := digits(s[14:16])
	sec, ok6 := digits(s[17:19])
	ms, ok7 := digits(s[20:23])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || !ok7 {
		return 0, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, sec, ms*1e6, time.UTC).UnixMilli(), true
}

func digits(s []byte) (n int, ok bool) {
	wide, ok := wideDigits(s)
	return int(wide), ok
}

func wideDigits(s []byte) (n int64, ok bool) {
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// records calls fn for each record of whole lines; what is no record (a page
// that a crash left empty) is passed over. The payload is valid until fn returns.
func records(data []byte, fn func(record) error) error {
	for len(data) > 0 {
		line := data
		if n := bytes.IndexByte(data, '\n'); n >= 0 {
			line, data = data[:n], data[n+1:]
		} else {
			data = nil
		}
		r, ok := parse(line)
		if !ok {
			continue
		}
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

func (r record) time() time.Time { return time.UnixMilli(r.at).UTC() }

// event reads the payload of a kindEvent record.
func (r record) event() (e serialcon.Event, err error) {
	err = json.Unmarshal(r.payload, &e)
	return e, err
}
