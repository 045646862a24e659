package conlog

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// A closed segment is zstd frames of whole records, 256 KiB each before
// compression, and at the end a skippable frame with their index. Any zstd
// program reads it; a search by time opens only the frames it needs.

const (
	blockSize  = 256 << 10
	skipMagic  = 0x184D2A5C // RFC 8878, section 3.1.2: one of sixteen
	indexMagic = "hkcl"
	footerLen  = 8
	maxIndex   = 64 << 20
	maxBlock   = 2*blockSize + maxPayload
)

// A block is a run of whole records in a segment.
type block struct {
	Off  int64 `json:"off"` // in the file
	Len  int64 `json:"len"`
	Raw  int64 `json:"raw"`           // before compression
	Min  int64 `json:"min"`           // milliseconds of Unix time, over its records
	Max  int64 `json:"max"`           //
	Open bool  `json:"open,omitzero"` // it ends within a line of the port
	// The monotonic clock as of the last mark before or in the block.
	Session string `json:"session,omitzero"`
	Mono    int64  `json:"mono,omitzero"` // nanoseconds
	Wall    int64  `json:"wall,omitzero"` // milliseconds of Unix time at Mono
}

// scan looks through the block's records.
func (b *block) scan(data []byte) {
	b.Min, b.Max = math.MaxInt64, math.MinInt64
	_ = records(data, func(r record) error {
		b.Min, b.Max = min(b.Min, r.at), max(b.Max, r.at)
		switch r.kind {
		case kindLine, kindPart:
			b.Open = r.kind == kindPart
		case kindClock:
			b.tick(r)
		}
		return nil
	})
}

// tick takes over a mark of the clocks.
func (b *block) tick(r record) {
	var m clockMark
	if json.Unmarshal(r.payload, &m) == nil {
		b.Session, b.Mono, b.Wall = m.Session, m.Mono, r.at
	}
}

// compress puts a compressed segment in a plain one's place: write beside,
// fsync, rename, fsync of the folder, unlink. Whenever it is cut off, one of the
// two is whole, and the compressed one counts once it has its name.
func (l *Log) compress(s segment) error {
	tmp := filepath.Join(l.dir, zstdName(s.seq)+tmpExt)
	if err := l.writeCompressed(s, tmp); err != nil {
		if !errors.Is(err, errCut) {
			_ = os.Remove(tmp)
		}
		return err
	}
	steps := []struct {
		name string
		do   func() error
	}{
		{"rename", func() error { return os.Rename(tmp, filepath.Join(l.dir, zstdName(s.seq))) }},
		{"fsync rename", l.folder.Sync},
		{"unlink", func() error { return os.Remove(filepath.Join(l.dir, plainName(s.seq))) }},
		{"fsync unlink", l.folder.Sync},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			return err
		}
		if err := l.steps(step.name); err != nil {
			return err
		}
	}
	return nil
}

// errCut stands for a crash, in tests.
var errCut = errors.New("cut off")

func (l *Log) writeCompressed(s segment, tmp string) (err error) {
	in, _, err := s.open(l.dir)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	out, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|noFollow, 0o640)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := encode(out, in); err != nil {
		return err
	}
	if err := l.steps("compress"); err != nil {
		return err
	}
	if err := os.Chtimes(tmp, s.last, s.last); err != nil {
		return err
	}
	if err := out.Sync(); err != nil {
		return err
	}
	return l.steps("fsync compressed")
}

// encode writes the frames of a plain segment and their index.
func encode(out io.Writer, in *os.File) error {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(blockSize))
	if err != nil {
		return err
	}
	defer enc.Close()
	blocks, err := plainBlocks(in)
	if err != nil {
		return err
	}
	var index []block
	var off int64
	var last block
	var data, frame []byte
	for _, p := range blocks {
		if data, err = readPlain(in, p, data); err != nil {
			return err
		}
		if len(data) == 0 {
			continue
		}
		frame = enc.EncodeAll(data, frame[:0])
		b := last
		b.Off, b.Len, b.Raw = off, int64(len(frame)), int64(len(data))
		b.scan(data)
		if _, err := out.Write(frame); err != nil {
			return err
		}
		index = append(index, b)
		off += b.Len
		last = b
	}
	return writeIndex(out, index)
}

// writeIndex writes the skippable frame: JSON, its length, a magic.
func writeIndex(out io.Writer, index []block) error {
	text, err := json.Marshal(index)
	if err != nil {
		return err
	}
	size := len(text)
	if size > maxIndex {
		return fmt.Errorf("an index of %d bytes", size)
	}
	frame := binary.LittleEndian.AppendUint32(nil, skipMagic)
	frame = binary.LittleEndian.AppendUint32(frame, uint32(size+footerLen))
	frame = append(frame, text...)
	frame = binary.LittleEndian.AppendUint32(frame, uint32(size))
	_, err = out.Write(append(frame, indexMagic...))
	return err
}

// readIndex reads it back.
func readIndex(f *os.File) ([]block, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	var foot [footerLen]byte
	if _, err := f.ReadAt(foot[:], max(0, size-footerLen)); err != nil || string(foot[4:]) != indexMagic {
		return nil, fmt.Errorf("%w: %s has no index", ErrCorrupt, f.Name())
	}
	n := int64(binary.LittleEndian.Uint32(foot[:]))
	if n > maxIndex || n > size-footerLen {
		return nil, fmt.Errorf("%w: %s: an index of %d bytes", ErrCorrupt, f.Name(), n)
	}
	text := make([]byte, n)
	if _, err := f.ReadAt(text, size-footerLen-n); err != nil {
		return nil, err
	}
	var index []block
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&index); err != nil {
		return nil, fmt.Errorf("%w: index of %s: %w", ErrCorrupt, f.Name(), err)
	}
	for _, b := range index {
		if b.Off < 0 || b.Len < 0 || b.Len > maxBlock || b.Off > size-b.Len || b.Raw < 0 || b.Raw > maxBlock {
			return nil, fmt.Errorf("%w: index of %s", ErrCorrupt, f.Name())
		}
	}
	return index, nil
}
