package nfsd

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// A file handle on the wire:
//
//	version 1, type 1, export 2, root 4, file system 4, kernel's handle 4 to 40, MAC 12
//
// The kernel's handle names an inode and its generation, so it holds over
// renames and restarts. The MAC covers all before it and the export's path, so
// that a client can have no handle that this server did not make for its export.
const (
	handleVersion   = 1
	handlePrefix    = 12
	handleMAC       = 12
	maxKernelHandle = 64 - handlePrefix - handleMAC
)

var errHandle = errors.New("not a handle of this server")

// handle is one taken apart. File shares memory with what it came from.
type handle struct {
	kind   uint8 // what kind of file handle the kernel calls it
	export uint16
	root   uint32 // which root, of those that were mounted in the export
	volume uint32 // which file system
	file   []byte // the kernel's
}

// body is the handle without its MAC, appended to b.
func (h handle) body(b []byte) []byte {
	b = append(b, handleVersion, h.kind)
	b = binary.BigEndian.AppendUint16(b, h.export)
	b = binary.BigEndian.AppendUint32(b, h.root)
	b = binary.BigEndian.AppendUint32(b, h.volume)
	return append(b, h.file...)
}

// parseHandle checks the shape only; the MAC is the caller's.
func parseHandle(b []byte) (h handle, body, mac []byte, err error) {
	if len(b) < handlePrefix+1+handleMAC || len(b) > 64 || b[0] != handleVersion {
		return handle{}, nil, nil, fmt.Errorf("%w: %d bytes", errHandle, len(b))
	}
	body, mac = b[:len(b)-handleMAC], b[len(b)-handleMAC:]
	return handle{
		kind:   b[1],
		export: binary.BigEndian.Uint16(b[2:]),
		root:   binary.BigEndian.Uint32(b[4:]),
		volume: binary.BigEndian.Uint32(b[8:]),
		file:   body[handlePrefix:],
	}, body, mac, nil
}

// sealer makes the MACs.
type sealer struct{ pool sync.Pool }

func newSealer(key []byte) *sealer {
	return &sealer{pool: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// mac is that of a handle's body in the export with this path.
func (s *sealer) mac(body []byte, path string) (sum [handleMAC]byte) {
	m := s.pool.Get().(hash.Hash)
	m.Reset()
	m.Write(body)
	m.Write([]byte(path))
	var all [sha256.Size]byte
	copy(sum[:], m.Sum(all[:0]))
	s.pool.Put(m)
	return sum
}

// id is a short keyed name of something that only this server needs to know
// again: a root or a file system.
func (s *sealer) id(what string, parts ...[]byte) uint32 {
	m := s.pool.Get().(hash.Hash)
	m.Reset()
	m.Write([]byte(what))
	for _, p := range parts {
		m.Write([]byte{byte(len(p))})
		m.Write(p)
	}
	var all [sha256.Size]byte
	id := binary.BigEndian.Uint32(m.Sum(all[:0]))
	s.pool.Put(m)
	return id
}
