package tftp

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// Opcodes of RFC 1350 section 5 and RFC 2347.
const (
	opRRQ   = 1
	opWRQ   = 2
	opDATA  = 3
	opACK   = 4
	opERROR = 5
	opOACK  = 6
)

// Error codes of RFC 1350 section 5; RFC 2347 added 8.
const (
	codeUndefined  = 0 // also "Early terminate" of a Raspberry Pi
	codeNotFound   = 1
	codeAccess     = 2
	codeIllegal    = 4
	codeUnknownTID = 5
	codeAborted    = 8 // "User aborted the transfer" of UEFI
)

const (
	headerLen = 4 // opcode and block number of DATA and ACK

	// maxName bounds a file's name. RFC 2347 gives a whole request 512
	// bytes; a longer one is malformed.
	maxName = 512
	// maxRequest is the longest request that is read. It is above what is
	// accepted, so that one that is too long is seen and can be answered.
	maxRequest = 2048
	// maxOptions bounds the options that are looked at.
	maxOptions = 16
)

// readRequest is a read request as it came, before any option is judged.
type readRequest struct {
	name, mode string
	options    []option
}

// option is one option of a request; its name is in lower case.
type option struct{ name, value string }

// parseRequest takes a read or write request apart, without its opcode. It
// reports false when the request is malformed. An option without a value at the
// end is left out, as is all after the sixteenth.
func parseRequest(p []byte) (r readRequest, ok bool) {
	var found bool
	if r.name, p, found = cutString(p); !found || r.name == "" || len(r.name) > maxName {
		return r, false
	}
	if r.mode, p, found = cutString(p); !found || r.mode == "" || len(r.mode) > maxName {
		return r, false
	}
	r.mode = strings.ToLower(r.mode)
	for len(r.options) < maxOptions {
		var o option
		if o.name, p, found = cutString(p); !found {
			break
		}
		if o.value, p, found = cutString(p); !found {
			break
		}
		o.name = strings.ToLower(o.name)
		r.options = append(r.options, o)
	}
	return r, true
}

func cutString(p []byte) (s string, rest []byte, ok bool) {
	before, rest, ok := bytes.Cut(p, []byte{0})
	return string(before), rest, ok
}

// errorPacket is an ERROR packet. The texts are our own, short and fixed: what
// an error of the system says stays here.
func errorPacket(code uint16, text string) []byte {
	p := make([]byte, 0, headerLen+len(text)+1)
	p = binary.BigEndian.AppendUint16(p, opERROR)
	p = binary.BigEndian.AppendUint16(p, code)
	p = append(p, text...)
	return append(p, 0)
}

// parseError returns the code and the text of an ERROR packet, which may lack
// its last NUL.
func parseError(p []byte) *PeerError {
	e := &PeerError{Code: binary.BigEndian.Uint16(p[2:])}
	text, _, _ := bytes.Cut(p[headerLen:], []byte{0})
	e.Text = string(text[:min(len(text), 128)])
	return e
}
