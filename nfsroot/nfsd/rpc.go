package nfsd

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Programs and versions (RFC 1813, RFC 1833).
const (
	programPortmap = 100000
	programNFS     = 100003
	programMount   = 100005
)

// How a call is answered (RFC 5531 section 9).
const (
	acceptSuccess     = 0
	acceptNoProgram   = 1
	acceptMismatch    = 2
	acceptNoProcedure = 3
	acceptGarbage     = 4

	rejectRPCMismatch = 0
	rejectAuth        = 1

	authBadCredentials = 1
	authTooWeak        = 5
)

// Authentication flavours.
const (
	flavourNone = 0
	flavourSys  = 1
)

const (
	lastFragment = 1 << 31
	maxCallData  = 1 << 20 // of one READ or WRITE
	maxRecord    = 1<<20 + 4096
	maxAuth      = 400
	maxGroups    = 16
)

var (
	errRecordTooLarge = errors.New("record is too large")
	errEmptyFragment  = errors.New("fragment is empty")
	errNotACall       = errors.New("not an RPC call")
)

// readRecord puts one record together from its fragments (RFC 5531 section 11).
// reserve is asked once for memory, with the size of the record or, when the first
// fragment is not all of it, of the largest.
func readRecord(r *bufio.Reader, reserve func(size int) ([]byte, error)) ([]byte, error) {
	var buf []byte
	for {
		var head [4]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, err
		}
		mark := binary.BigEndian.Uint32(head[:])
		size := int(mark &^ lastFragment)
		if size > maxRecord-len(buf) {
			return nil, fmt.Errorf("%w: %d bytes", errRecordTooLarge, size)
		}
		if size == 0 && mark&lastFragment == 0 {
			return nil, errEmptyFragment
		}
		if buf == nil {
			need := size
			if mark&lastFragment == 0 {
				need = maxRecord
			}
			var err error
			if buf, err = reserve(need); err != nil {
				return nil, err
			}
		}
		have := len(buf)
		buf = buf[:have+size]
		if _, err := io.ReadFull(r, buf[have:]); err != nil {
			return nil, fmt.Errorf("fragment of %d bytes: %w", size, noEOF(err))
		}
		if mark&lastFragment != 0 {
			return buf, nil
		}
	}
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// credential is who a call says it is from (AUTH_SYS, RFC 5531 appendix A).
type credential struct {
	uid, gid uint32
	groups   []uint32
}

// header is the start of an RPC call.
type header struct {
	xid, program, version, procedure uint32
	flavour                          uint32
	credential                       credential
	badRPCVersion, badCredential     bool
}

// parseHeader takes a call's header off d.
func parseHeader(d *decoder) (header, error) {
	h := header{xid: d.uint32()}
	if d.uint32() != 0 || d.bad {
		return h, errNotACall
	}
	h.badRPCVersion = d.uint32() != 2
	h.program, h.version, h.procedure = d.uint32(), d.uint32(), d.uint32()
	h.flavour = d.uint32()
	body := d.opaque(maxAuth)
	d.uint32() // the verifier is of no use to AUTH_SYS
	d.opaque(maxAuth)
	if d.bad && !h.badRPCVersion {
		return h, errNotACall
	}
	if h.flavour == flavourSys {
		h.credential, h.badCredential = parseCredential(body)
	}
	return h, nil
}

func parseCredential(body []byte) (c credential, bad bool) {
	d := decoder{b: body}
	d.uint32()    // stamp
	d.opaque(255) // machine name
	c.uid, c.gid = d.uint32(), d.uint32()
	n := d.uint32()
	if n > maxGroups {
		return c, true
	}
	c.groups = make([]uint32, 0, n)
	for range n {
		c.groups = append(c.groups, d.uint32())
	}
	return c, d.bad
}

// A reply is built behind room for its record mark.
const replyHeader = 4 + 24

// beginReply makes room for the mark and says that the call was accepted.
func beginReply(out *encoder, xid uint32, accept uint32) {
	out.b = out.b[:0]
	out.zeros(1) // the mark
	out.uint32(xid)
	out.uint32(1) // a reply
	out.zeros(1)  // accepted
	out.zeros(2)  // verifier AUTH_NONE
	out.uint32(accept)
}

// rejectReply says that the call was not accepted. Word and more follow the reason.
func rejectReply(out *encoder, xid, reason uint32, words ...uint32) {
	out.b = out.b[:0]
	out.zeros(1)
	out.uint32(xid)
	out.uint32(1)
	out.uint32(1) // denied
	out.uint32(reason)
	for _, w := range words {
		out.uint32(w)
	}
}

// endReply fills in the mark.
func endReply(out *encoder) []byte {
	binary.BigEndian.PutUint32(out.b, lastFragment|uint32(len(out.b)-4))
	return out.b
}
