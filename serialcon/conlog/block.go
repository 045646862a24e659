package conlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/klauspost/compress/zstd"
)

// ErrCorrupt means that a segment, or a part of it, cannot be read. The rest of
// the log was.
var ErrCorrupt = errors.New("conlog: the segment is damaged")

// plainBlocks cuts a plain segment where 256 KiB end; readPlain finds the
// records' borders. Its times are not known.
func plainBlocks(f *os.File) ([]block, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	return cutBlocks(size), nil
}

func cutBlocks(size int64) (out []block) {
	for off := int64(0); off < size; off += blockSize {
		n := min(blockSize, size-off)
		out = append(out, block{Off: off, Len: n, Raw: n, Min: math.MinInt64, Max: math.MaxInt64, Open: true})
	}
	return out
}

// readPlain reads the records that begin in the block. A record that has no
// end yet is none.
func readPlain(f *os.File, b block, buf []byte) ([]byte, error) {
	from := max(0, b.Off-1)
	buf = grow(buf, int(b.Off-from+b.Len))
	n, err := f.ReadAt(buf, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	buf = buf[:n]
	end := n
	for end > 0 && buf[end-1] != '\n' { // the last record goes on behind the block
		more := len(buf)
		buf = append(buf, make([]byte, 4<<10)...)
		m, err := f.ReadAt(buf[more:], from+int64(more))
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		buf = buf[:more+m]
		if i := bytes.IndexByte(buf[more:], '\n'); i >= 0 {
			end = more + i + 1
			break
		}
		if m == 0 || len(buf) > maxBlock {
			end = bytes.LastIndexByte(buf[:n], '\n') + 1
			break
		}
	}
	start := 0
	if b.Off > 0 {
		start = bytes.IndexByte(buf[:end], '\n') + 1
		if start == 0 || int64(start) > b.Len {
			return buf[:0], nil
		}
	}
	return buf[min(start, end):end], nil
}

func grow(buf []byte, n int) []byte {
	if cap(buf) < n {
		return make([]byte, n, n+16<<10)
	}
	return buf[:n]
}

// decoder makes a decoder for the frames of one reader.
func decoder() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBlock), zstd.WithDecoderMaxWindow(1<<20))
}

// readFrame reads a block of a compressed segment.
func readFrame(f *os.File, b block, dec *zstd.Decoder, frame, buf []byte) (data, scratch []byte, err error) {
	frame = grow(frame, int(b.Len))
	if _, err := f.ReadAt(frame, b.Off); err != nil {
		return nil, frame, fmt.Errorf("%w: %s at %d: %w", ErrCorrupt, f.Name(), b.Off, err)
	}
	data, err = dec.DecodeAll(frame, grow(buf, int(b.Raw))[:0])
	if err != nil {
		return nil, frame, fmt.Errorf("%w: %s at %d: %w", ErrCorrupt, f.Name(), b.Off, err)
	}
	return data, frame, nil
}
