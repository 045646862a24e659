package dnsask

import (
	"crypto/rand"
	"encoding/binary"
	"io"
	"net"
	"strings"

	"github.com/miekg/dns"
)

const (
	// maxDatagram is what is read of a datagram, whatever was asked for.
	maxDatagram = 4096
	// maxOdd is how many datagrams that are no answer are read before TCP is used.
	maxOdd = 32
)

// byDatagram waits for the answer to a question. Datagrams that are none are
// somebody else's, or forged: the answer may still come. Exact is whether it must
// repeat the question letter for letter.
func byDatagram(conn net.Conn, query []byte, m *dns.Msg, exact bool) (*dns.Msg, error) {
	if _, err := conn.Write(query); err != nil {
		return nil, err
	}
	packet := make([]byte, maxDatagram)
	odd := false
	for range maxOdd {
		n, err := conn.Read(packet)
		if err != nil {
			if odd {
				return nil, ErrOdd
			}
			return nil, err
		}
		answer, err := match(packet[:n], m)
		if err != nil {
			odd = true
			continue
		}
		if exact && (len(answer.Question) == 0 || answer.Question[0].Name != m.Question[0].Name) {
			return nil, errCase
		}
		return answer, nil
	}
	return nil, ErrOdd
}

func byStream(conn net.Conn, query []byte, m *dns.Msg) (*dns.Msg, error) {
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	packet := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, packet); err != nil {
		return nil, err
	}
	return match(packet, m)
}

// match decodes an answer and says whether it is one to the question.
func match(packet []byte, m *dns.Msg) (*dns.Msg, error) {
	const header = 12
	if len(packet) < header || binary.BigEndian.Uint16(packet) != m.Id {
		return nil, ErrOdd // spares unpacking what was guessed
	}
	answer := new(dns.Msg)
	if answer.Unpack(packet) != nil || !answer.Response || answer.Opcode != m.Opcode {
		return nil, ErrOdd
	}
	if len(answer.Question) == 0 && answer.Rcode != dns.RcodeSuccess {
		return answer, nil // some servers repeat nothing with an error
	}
	if len(answer.Question) != 1 {
		return nil, ErrOdd
	}
	asked, got := m.Question[0], answer.Question[0]
	if got.Qtype != asked.Qtype || got.Qclass != asked.Qclass || !strings.EqualFold(got.Name, asked.Name) {
		return nil, ErrOdd
	}
	return answer, nil
}

// mixCase gives each letter a random case. Escapes have no letters.
func mixCase(name string) string {
	coins := make([]byte, len(name))
	_, _ = rand.Read(coins) // never fails
	mixed := []byte(name)
	for i, c := range mixed {
		if ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') && coins[i]&1 == 1 {
			mixed[i] = c ^ 0x20
		}
	}
	return string(mixed)
}
