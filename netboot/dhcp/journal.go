package dhcp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// journal is the file of a Leases: text lines, each with a checksum before it,
// the last line about an address counting. Leases.flush guards it.
//
//	1f0a3c55 bound 10.0.0.7 dca632000001 3600 eth0.17 5564247d -
//
// The words after the checksum are the state, the address, the client's
// hardware address, seconds leased for, and the interface, serial number and
// circuit-id, with "-" for what is not there.
type journal struct {
	path   string
	file   *os.File
	lock   *os.File
	size   int64
	broken bool // the last write failed: what the file ends with is not known
}

// compactAt is the size from which a journal that is mostly history is
// written anew.
const compactAt = 1 << 20

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// OpenLeases opens the journal at path, which it creates when it is not there,
// and returns the leases in it. A last line that a crash has cut off is
// dropped: nobody had been told of it. An empty path keeps leases in memory.
// Close it after use. A journal in use by another process is an error.
func OpenLeases(path string) (*Leases, error) {
	l := &Leases{addrs: make(map[netip.Addr]*lease)}
	if path == "" {
		return l, nil
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("dhcp: lock lease journal %q: %w; is another server using it?", path, err)
	}
	l.journal = &journal{path: path, lock: lock}
	stale, _ := filepath.Glob(path + ".new*") // of a crash while writing anew
	for _, name := range stale {
		os.Remove(name)
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		lock.Close()
		return nil, fmt.Errorf("dhcp: read lease journal: %w", err)
	}
	l.replay(text)
	// Writing it anew mends a torn end, and proves now rather than at the
	// first lease that the directory can be written to.
	if err := l.journal.rewrite(l.snapshot()); err != nil {
		lock.Close()
		return nil, fmt.Errorf("dhcp: write lease journal: %w", err)
	}
	return l, nil
}

// Sync puts every record made before the call on the disk, in one write and
// one flush for all of them, and returns the number of the last. In-memory
// leases are never behind. After an error the next call writes the whole
// journal anew, so that a disk that was full heals.
func (l *Leases) Sync() (Commit, error) {
	l.flush.Lock()
	defer l.flush.Unlock()
	l.mu.Lock()
	buf, upto := l.buf, l.seq
	l.buf = nil
	j := l.journal
	anew := j != nil && (j.broken || j.size > compactAt && j.size > 4*int64(len(l.addrs))*80)
	var all []byte
	if anew {
		all = l.snapshot()
	}
	l.mu.Unlock()
	if j == nil || len(buf) == 0 && !anew {
		l.durable.Store(uint64(upto))
		return upto, nil
	}
	var err error
	if anew {
		err = j.rewrite(all)
	} else {
		err = j.append(buf)
	}
	j.broken = err != nil
	if err != nil {
		return Commit(l.durable.Load()), fmt.Errorf("dhcp: write lease journal: %w", err)
	}
	l.durable.Store(uint64(upto))
	return upto, nil
}

// Close puts what is left on the disk and closes the journal. Call it when
// [Serve] has returned. A second Close does nothing.
func (l *Leases) Close() error {
	_, err := l.Sync()
	l.flush.Lock()
	defer l.flush.Unlock()
	l.mu.Lock()
	j := l.journal
	l.journal = nil
	l.mu.Unlock()
	if j == nil {
		return err
	}
	return errors.Join(err, j.file.Close(), j.lock.Close())
}

// record adds le's line to the buffer and returns its number, 0 when leases are
// in memory. The caller holds mu.
func (l *Leases) record(le *lease) Commit {
	if l.journal == nil {
		return 0
	}
	l.seq++
	l.buf = appendRecord(l.buf, le)
	return l.seq
}

// snapshot returns the journal that holds the present state and nothing else.
// The caller holds mu, or nobody else has l yet.
func (l *Leases) snapshot() []byte {
	var b []byte
	for _, le := range l.addrs {
		if le.state != offered {
			b = appendRecord(b, le)
		}
	}
	return b
}

func appendRecord(b []byte, le *lease) []byte {
	start := len(b)
	b = append(b, "00000000 "...)
	b = append(b, stateNames[le.state]...)
	b = le.addr.AppendTo(append(b, ' '))
	b = hex.AppendEncode(append(b, ' '), le.ident.mac[:])
	b = strconv.AppendInt(append(b, ' '), int64(le.length/time.Second), 10)
	b = appendWord(b, url.PathEscape(le.ident.iface))
	serial := ""
	if le.ident.serial != 0 {
		serial = strconv.FormatUint(uint64(le.ident.serial), 16)
	}
	b = appendWord(b, serial)
	b = appendWord(b, hex.EncodeToString([]byte(le.ident.circuit)))
	sum := crc32.Checksum(b[start+9:], crcTable)
	hex.Encode(b[start:start+8], []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
	return append(b, '\n')
}

func appendWord(b []byte, w string) []byte {
	if w == "" {
		w = "-"
	}
	return append(append(b, ' '), w...)
}

var stateNames = [...]string{free: "free", offered: "offered", bound: "bound", declined: "declined"}

// replay reads a journal's lines. Those that are cut off or damaged are left
// out.
func (l *Leases) replay(text []byte) {
	for line := range bytes.Lines(text) {
		if le, ok := parseRecord(line); ok {
			l.addrs[le.addr] = le
		}
	}
}

func parseRecord(line []byte) (*lease, bool) {
	line, whole := bytes.CutSuffix(line, []byte("\n"))
	sum, rest, ok := bytes.Cut(line, []byte(" "))
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if !whole || !ok || err != nil || crc32.Checksum(rest, crcTable) != uint32(want) {
		return nil, false
	}
	words := bytes.Split(rest, []byte(" "))
	if len(words) != 7 {
		return nil, false
	}
	for i, w := range words {
		if string(w) == "-" {
			words[i] = nil
		}
	}
	le := &lease{state: declined}
	for s, name := range stateNames {
		if string(words[0]) == name {
			le.state = state(s)
		}
	}
	addr, err1 := netip.ParseAddr(string(words[1]))
	mac, err2 := hex.DecodeString(string(words[2]))
	seconds, err3 := strconv.ParseInt(string(words[3]), 10, 32)
	iface, err4 := url.PathUnescape(string(words[4]))
	serial, err5 := strconv.ParseUint("0"+string(words[5]), 16, 32)
	circuit, err6 := hex.DecodeString(string(words[6]))
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil || len(mac) != 6 || !addr.Is4() {
		return nil, false
	}
	le.addr, le.length = addr, time.Duration(seconds)*time.Second
	le.ident = ident{mac: macAddr(mac), iface: iface, serial: uint32(serial), circuit: string(circuit)}
	if le.state == free {
		le.length = 0
	}
	return le, true
}

func (j *journal) append(b []byte) error {
	n, err := j.file.Write(b)
	j.size += int64(n)
	if err != nil {
		return err
	}
	return j.file.Sync()
}

// rewrite replaces the file: a crash leaves the old one or the new one.
func (j *journal) rewrite(b []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(j.path), filepath.Base(j.path)+".new*")
	if err != nil {
		return err
	}
	_, err = temp.Write(b)
	if err == nil {
		err = temp.Sync()
	}
	if err == nil {
		err = os.Rename(temp.Name(), j.path)
	}
	if err != nil {
		return errors.Join(err, temp.Close(), os.Remove(temp.Name()))
	}
	if err := syncDir(filepath.Dir(j.path)); err != nil {
		return errors.Join(err, temp.Close())
	}
	if j.file != nil {
		j.file.Close() // what was in it is in the new one
	}
	j.file, j.size = temp, int64(len(b))
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
