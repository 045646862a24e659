package conlog

import "bytes"

// joiner makes lines of records.
type joiner struct {
	at   int64
	buf  []byte
	open bool // buf is the beginning of a line
	drop bool // the records go on with a line whose beginning was passed over
}

// feed calls fn with each line that ends in the records.
func (j *joiner) feed(data []byte, fn func(at int64, text []byte, open bool) error) error {
	return records(data, func(r record) error {
		if r.kind != kindLine && r.kind != kindPart {
			return nil
		}
		if j.drop {
			j.drop = r.kind == kindPart
			return nil
		}
		return j.add(r, fn)
	})
}

func (j *joiner) add(r record, fn func(int64, []byte, bool) error) error {
	if !j.open {
		j.at = r.at
		if r.kind == kindLine {
			return fn(r.at, r.payload, false)
		}
		j.buf = j.buf[:0]
	}
	j.buf = append(j.buf, r.payload...)
	j.open = r.kind == kindPart
	if !j.open {
		return fn(j.at, j.buf, false)
	}
	if len(j.buf) < MaxLine {
		return nil
	}
	j.open = false
	return fn(j.at, j.buf, true)
}

// end calls fn with the line that has not ended.
func (j *joiner) end(fn func(int64, []byte, bool) error) error {
	if !j.open {
		return nil
	}
	j.open = false
	return fn(j.at, j.buf, true)
}

// passOver goes on behind a block that is not read.
func (j *joiner) passOver(b block) {
	j.open = false
	j.drop = b.Open
}

// lastLine returns the offset behind the last record of the block that ends a
// line of the port; ok is false if there is none.
func lastLine(data []byte) (off int, ok bool) {
	for end := len(data); end > 0; {
		start := recordStart(data, end)
		if end-start > headLen && data[start+stampLen] == kindLine {
			return end, true
		}
		end = start
	}
	return 0, false
}

// firstLine returns the offset behind the first record that ends a line.
func firstLine(data []byte) int {
	for off := 0; off < len(data); {
		n := bytes.IndexByte(data[off:], '\n') + 1
		if n == 0 {
			break
		}
		if n > headLen && data[off+stampLen] == kindLine {
			return off + n
		}
		off += n
	}
	return len(data)
}

// appendText appends what the port said in a block, without stamps.
func appendText(dst, data []byte) []byte {
	for len(data) > 0 {
		n := bytes.IndexByte(data, '\n')
		if n < 0 {
			break
		}
		if n >= headLen {
			switch data[stampLen] {
			case kindLine:
				dst = append(dst, data[headLen:n+1]...)
			case kindPart:
				dst = append(dst, data[headLen:n]...)
			}
		}
		data = data[n+1:]
	}
	return dst
}

// recordStart returns where the record begins that ends before off.
func recordStart(data []byte, off int) int { return bytes.LastIndexByte(data[:off-1], '\n') + 1 }
