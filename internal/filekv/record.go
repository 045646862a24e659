package filekv

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
)

// ErrDamaged is wrapped by errors about a file whose contents are not what was written.
// It is for a person to look at; no value is made up.
var ErrDamaged = errors.New("the file is damaged")

// header is the first line of a file. Both numbers after the revision are of the value.
const header = "hostkit-kv 1 rev %d length %d crc32c %08x\n"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// record is the contents of a file.
func record(val []byte, rev int64) []byte {
	return append(fmt.Appendf(nil, header, rev, len(val), crc32.Checksum(val, castagnoli)), val...)
}

// parseRecord reads what record wrote.
func parseRecord(data []byte) (val []byte, rev int64, err error) {
	line, val, found := bytes.Cut(data, []byte("\n"))
	if !found {
		return nil, 0, fmt.Errorf("%w: it has no first line", ErrDamaged)
	}
	rev, length, sum, err := parseHeader(line)
	switch {
	case err != nil:
		return nil, 0, err
	case len(val) != length:
		return nil, 0, fmt.Errorf("%w: it has %d bytes of %d", ErrDamaged, len(val), length)
	case crc32.Checksum(val, castagnoli) != sum:
		return nil, 0, fmt.Errorf("%w: its checksum is wrong", ErrDamaged)
	}
	return val, rev, nil
}

func parseHeader(line []byte) (rev int64, length int, sum uint32, err error) {
	f := strings.Split(string(line), " ")
	if len(f) == 8 {
		rev, _ = strconv.ParseInt(f[3], 10, 64) // what is wrong is found below
		length, _ = strconv.Atoi(f[5])
		wide, _ := strconv.ParseUint(f[7], 16, 32)
		sum = uint32(wide)
	}
	if rev <= 0 || fmt.Sprintf(header, rev, length, sum) != string(line)+"\n" {
		return 0, 0, 0, fmt.Errorf("%w: its first line is %.60q", ErrDamaged, line)
	}
	return rev, length, sum, nil
}

// maxHeader is longer than any first line.
const maxHeader = 100

// readRevision reads no more than the first line.
func readRevision(r io.Reader) (int64, error) {
	buf := make([]byte, maxHeader)
	n, err := io.ReadFull(r, buf)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return 0, err
	}
	line, _, found := bytes.Cut(buf[:n], []byte("\n"))
	if !found {
		return 0, fmt.Errorf("%w: it has no first line", ErrDamaged)
	}
	rev, _, _, err := parseHeader(line)
	return rev, err
}
