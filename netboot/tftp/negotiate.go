package tftp

import (
	"encoding/binary"
	"strconv"
	"time"
)

const (
	defaultBlock = 512   // RFC 1350
	minBlock     = 8     // RFC 2348
	maxBlock     = 65464 // RFC 2348

	// maxWindowBytes bounds what one transfer has in flight, whatever the
	// block size: an Ethernet window of 64 fits.
	maxWindowBytes = 128 << 10
)

// params is what a transfer runs by once the options are settled.
type params struct {
	block    int           // bytes in a full DATA packet
	window   int           // DATA packets per ACK
	timeout  time.Duration // the client's timeout option, 0 none
	restart1 bool          // block numbers wrap to 1 instead of 0
	rollover bool          // the client said how it wraps
	wantSize bool
}

// limits is what the server and the way to the client allow.
type limits struct{ block, window int }

// negotiate settles r's options within l: each option that is granted is in
// granted, in the order it was asked for. Unknown options, and known ones with
// a value that makes no sense, are left out as RFC 2347 says. The value of
// tsize is not known yet and is left "0".
func negotiate(r *readRequest, l limits) (p params, granted []option) {
	p = params{block: defaultBlock, window: 1}
	seen := make(map[string]bool, len(r.options))
	for _, o := range r.options {
		v, err := strconv.ParseInt(o.value, 10, 64)
		if err != nil || v < 0 || seen[o.name] {
			continue
		}
		if v, ok := p.grant(o.name, v, l); ok {
			seen[o.name] = true
			granted = append(granted, option{o.name, strconv.FormatInt(v, 10)})
		}
	}
	if fit := max(1, maxWindowBytes/p.block); p.window > fit {
		p.window = fit
		for i := range granted {
			if granted[i].name == "windowsize" {
				granted[i].value = strconv.Itoa(fit)
			}
		}
	}
	return p, granted
}

// grant takes one option into p and returns the value that is granted.
func (p *params) grant(name string, v int64, l limits) (int64, bool) {
	switch name {
	case "blksize": // RFC 2348: the server may answer with less
		if v < minBlock {
			return 0, false
		}
		v = min(v, int64(l.block))
		p.block = int(v)
	case "windowsize": // RFC 7440
		if v < 1 {
			return 0, false
		}
		v = min(v, int64(l.window))
		p.window = int(v)
	case "timeout": // RFC 2349: echoed as it is or not at all
		if v < 1 || v > 255 {
			return 0, false
		}
		p.timeout = time.Duration(v) * time.Second
	case "tsize": // RFC 2349: the answer is the size
		p.wantSize = true
	case "rollover": // no RFC: the number that follows 65535
		if v > 1 {
			return 0, false
		}
		p.restart1, p.rollover = v == 1, true
	default:
		return 0, false
	}
	return v, true
}

// appendOACK appends the OACK packet that grants options, with size as tsize.
func appendOACK(b []byte, granted []option, size int64) []byte {
	b = binary.BigEndian.AppendUint16(b, opOACK)
	for _, o := range granted {
		if o.name == "tsize" {
			o.value = strconv.FormatInt(size, 10)
		}
		b = append(append(b, o.name...), 0)
		b = append(append(b, o.value...), 0)
	}
	return b
}
