package netboottest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// TFTP operations and error codes, RFC 1350 and RFC 2347.
const (
	opRRQ   = 1
	opData  = 3
	opAck   = 4
	opError = 5
	opOACK  = 6

	codeUndefined  = 0
	codeNotFound   = 1
	codeBadOptions = 8
)

const plainBlock = 512

// manner is how a stage's firmware transfers files.
type manner struct {
	block      int           // block size it asks for; 0 asks for no options
	checksum   bool          // its datagrams have a UDP checksum
	idle       time.Duration // a file is given up without a packet for so long; 0 never
	total      time.Duration // a file is given up after so long; 0 never
	again      time.Duration // an unanswered request is repeated; 0 never
	ackDelay   time.Duration
	noReACK    bool // a DATA that came before is not acknowledged again
	noRollover bool // the block number does not go on after 65535
	maxText    int  // how much of a file's content is kept
}

// peer is the file server and the host that frames for it go through.
type peer struct {
	addr netip.Addr
	via  hwAddr
}

// transfer is the fetching of one file.
type transfer struct {
	manner
	net    *stack
	server peer
	port   uint16
	probe  bool
	file   *File
	moved  func() // called as the file grows

	tid    uint16 // the server's port, 0 until it answered
	size   int    // of a block, as agreed
	blocks int64  // received in order
	heard  time.Time
	asked  time.Time
	hash   hash.Hash
	text   []byte
}

// run fetches the file into t.file and t.text. Whatever the server does is an
// outcome and not an error.
func (t *transfer) run() error {
	t.size, t.hash = plainBlock, sha256.New()
	t.file.Start = time.Now()
	t.heard = t.file.Start
	if err := t.ask(); err != nil {
		return err
	}
	for t.file.Outcome == 0 {
		if err := t.step(); err != nil {
			return err
		}
	}
	t.file.Took = time.Since(t.file.Start)
	t.hash.Sum(t.file.SHA256[:0])
	return nil
}

// ask sends the read request.
func (t *transfer) ask() error {
	t.asked = time.Now()
	words := []string{t.file.Name, "octet"}
	if t.block != 0 {
		words = append(words, "tsize", "0", "blksize", strconv.Itoa(t.block))
	}
	t.file.Requests++
	return t.send(tftpPort, append([]byte{0, opRRQ}, strings.Join(words, "\x00")+"\x00"...))
}

func (t *transfer) send(port uint16, p []byte) error {
	return t.net.send(t.server.via, t.port, netip.AddrPortFrom(t.server.addr, port), p, t.checksum)
}

// step handles one packet, or one time that has come.
func (t *transfer) step() error {
	var until time.Time
	earlier := func(since time.Time, d time.Duration) {
		if at := since.Add(d); d > 0 && (until.IsZero() || at.Before(until)) {
			until = at
		}
	}
	earlier(t.heard, t.idle)
	earlier(t.file.Start, t.total)
	if t.tid == 0 {
		earlier(t.asked, t.again)
	}
	d, err := t.net.next(until)
	switch {
	case isTimeout(err):
		return t.late(time.Now())
	case err != nil || d == nil || d.dst.Port() != t.port || d.src.Addr() != t.server.addr || len(d.payload) < 2:
		return err
	case t.tid != 0 && d.src.Port() != t.tid:
		return nil // not the one that answered first
	}
	t.tid, t.heard = d.src.Port(), time.Now()
	return t.take(binary.BigEndian.Uint16(d.payload), d.payload[2:])
}

func (t *transfer) late(now time.Time) error {
	switch {
	case t.idle > 0 && now.Sub(t.heard) >= t.idle, t.total > 0 && now.Sub(t.file.Start) >= t.total:
		t.file.Outcome = Stalled
		return nil
	}
	return t.ask()
}

func (t *transfer) take(op uint16, body []byte) error {
	switch {
	case op == opError:
		return t.refused(body)
	case t.probe && (op == opData || op == opOACK):
		t.file.Outcome = Probed
		return t.abort(codeUndefined, "Early terminate")
	case op == opOACK:
		return t.agree(body)
	case op == opData && len(body) >= 2:
		return t.data(binary.BigEndian.Uint16(body), body[2:])
	}
	return nil
}

func (t *transfer) refused(body []byte) error {
	t.file.Outcome = Failed
	if len(body) >= 2 {
		t.file.Message, _, _ = strings.Cut(string(body[2:]), "\x00")
		if binary.BigEndian.Uint16(body) == codeNotFound {
			t.file.Outcome = Missing
		}
	}
	return nil
}

func (t *transfer) abort(code byte, text string) error {
	return t.send(t.tid, append([]byte{0, opError, 0, code}, text+"\x00"...))
}

// agree takes the server's option acknowledgement.
func (t *transfer) agree(body []byte) error {
	if t.blocks > 0 {
		return nil // a late copy
	}
	words := strings.Split(strings.TrimSuffix(string(body), "\x00"), "\x00")
	for i := 0; i+1 < len(words); i += 2 {
		n, err := strconv.ParseInt(words[i+1], 10, 64)
		switch name := strings.ToLower(words[i]); {
		case t.block == 0 || err != nil:
			return t.disagree(words[i])
		case name == "blksize" && n >= 8 && n <= int64(t.block):
			t.size = int(n)
		case name == "tsize" && n >= 0:
			t.file.Size = n
		default:
			return t.disagree(words[i])
		}
	}
	return t.ack(0)
}

func (t *transfer) disagree(name string) error {
	t.file.Outcome = Failed
	t.file.Message = fmt.Sprintf("option %q was not asked for, or not so", name)
	return t.abort(codeBadOptions, "Bad option")
}

func (t *transfer) ack(block uint16) error {
	if t.ackDelay > 0 {
		if err := t.net.pause(t.ackDelay); err != nil {
			return err
		}
	}
	return t.send(t.tid, []byte{0, opAck, byte(block >> 8), byte(block)})
}

func (t *transfer) data(block uint16, data []byte) error {
	if block != uint16(t.blocks+1) {
		t.file.Duplicates++
		if block == uint16(t.blocks) && t.blocks > 0 && !t.noReACK {
			return t.ack(block)
		}
		return nil
	}
	if len(data) > t.size {
		t.file.Outcome, t.file.Message = Failed, "a block longer than was agreed"
		return nil
	}
	t.blocks++
	t.file.Bytes += int64(len(data))
	t.hash.Write(data)
	t.text = append(t.text, data[:min(len(data), t.maxText-len(t.text))]...)
	switch {
	case len(data) < t.size:
		t.file.Outcome = Got
	case t.noRollover && t.blocks == 1<<16-1:
		t.file.Outcome = Truncated
	}
	if t.blocks%progressEvery == 0 {
		t.moved()
	}
	return t.ack(block)
}

// progressEvery is how many blocks are between two reports of progress.
const progressEvery = 256
