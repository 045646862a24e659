package dnsask_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/dnsask"
)

const name = "www.abcdefghijklmnopqrstuvwxyz.example."

func question() *dns.Msg {
	m := new(dns.Msg).SetQuestion(name, dns.TypeA)
	m.SetEdns0(dnsask.Size, true)
	return m
}

// patient waits for as long as a loaded machine needs.
var patient = dnsask.Client{Timeout: time.Minute}

func TestAsk(t *testing.T) {
	s := newServer(t, func(_ string, q *dns.Msg) [][]byte { return [][]byte{reply(q, dns.RcodeSuccess, nil)} })
	c := patient
	c.MixCase = true
	m := question()
	before := m.String()
	for range 2 {
		answer, err := c.Ask(t.Context(), s.Addr, m)
		require.NoError(t, err)
		require.Equal(t, before, m.String(), "unchanged")
		require.Equal(t, m.Question, answer.Question, "as it was asked")
		require.Len(t, answer.Answer, 1)
	}
	heard := s.heard("udp")
	require.Len(t, heard, 2)
	require.Empty(t, s.heard("tcp"))
	require.NotEqual(t, heard[0].Id, heard[1].Id)
	require.NotEqual(t, heard[0].Question, heard[1].Question, "one of 2^36 cases each")
	require.True(t, strings.EqualFold(name, heard[0].Question[0].Name))
	require.True(t, heard[0].IsEdns0().Do())
}

// What is no answer to the question is not taken for one, and does not keep the
// answer away.
func TestOddDatagrams(t *testing.T) {
	odd := map[string]func(*dns.Msg){
		"another ID":       func(m *dns.Msg) { m.Id++ },
		"a question":       func(m *dns.Msg) { m.Response = false },
		"another opcode":   func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify },
		"another name":     func(m *dns.Msg) { m.Question[0].Name = "other.example." },
		"another type":     func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA },
		"another class":    func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS },
		"no question":      func(m *dns.Msg) { m.Question = nil },
		"two questions":    func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) },
		"another's answer": func(m *dns.Msg) { *m = *new(dns.Msg).SetQuestion("a.", dns.TypeA); m.Response = true },
	}
	for what, change := range odd {
		t.Run(what, func(t *testing.T) {
			wrong := func(q *dns.Msg) []byte {
				return reply(q, dns.RcodeSuccess, func(m *dns.Msg) { m.Answer = nil; change(m) })
			}
			s := newServer(t, func(_ string, q *dns.Msg) [][]byte {
				return [][]byte{wrong(q), {1}, wrong(q), reply(q, dns.RcodeSuccess, nil)}
			})
			answer, err := patient.Ask(t.Context(), s.Addr, question())
			require.NoError(t, err)
			require.Len(t, answer.Answer, 1)
			require.Empty(t, s.heard("tcp"))

			s = newServer(t, func(network string, q *dns.Msg) [][]byte {
				if network == "tcp" {
					return [][]byte{reply(q, dns.RcodeSuccess, nil)}
				}
				var flood [][]byte
				for range 32 {
					flood = append(flood, wrong(q))
				}
				return flood
			})
			answer, err = patient.Ask(t.Context(), s.Addr, question())
			require.NoError(t, err)
			require.Len(t, answer.Answer, 1)
			require.Len(t, s.heard("udp"), 1)
			require.Len(t, s.heard("tcp"), 1)

			s = newServer(t, func(network string, q *dns.Msg) [][]byte {
				if network == "tcp" {
					return [][]byte{wrong(q)}
				}
				return [][]byte{reply(q, dns.RcodeSuccess, func(m *dns.Msg) { m.Truncated = true })}
			})
			_, err = patient.Ask(t.Context(), s.Addr, question())
			require.ErrorIs(t, err, dnsask.ErrOdd)
		})
	}
}

// Some servers repeat nothing with an error. It counts unless letters are to be
// repeated, since a forger can say it as well.
func TestErrorsWithoutAQuestion(t *testing.T) {
	s := newServer(t, func(network string, q *dns.Msg) [][]byte {
		if network == "tcp" {
			return [][]byte{reply(q, dns.RcodeSuccess, nil)}
		}
		return [][]byte{reply(q, dns.RcodeRefused, func(m *dns.Msg) { m.Question = nil })}
	})
	answer, err := patient.Ask(t.Context(), s.Addr, question())
	require.NoError(t, err)
	require.Equal(t, dns.RcodeRefused, answer.Rcode)
	c := patient
	c.MixCase = true
	answer, err = c.Ask(t.Context(), s.Addr, question())
	require.NoError(t, err)
	require.Equal(t, dns.RcodeSuccess, answer.Rcode)
}

func TestOtherCase(t *testing.T) {
	s := newServer(t, func(_ string, q *dns.Msg) [][]byte {
		return [][]byte{reply(q, dns.RcodeSuccess, func(m *dns.Msg) { m.Question[0].Name = name })}
	})
	m := question()
	m.Question[0].Name = strings.ToUpper(name)
	answer, err := patient.Ask(t.Context(), s.Addr, m)
	require.NoError(t, err)
	require.Equal(t, m.Question, answer.Question)
	require.Empty(t, s.heard("tcp"), "names are the same in any case")
	c := patient
	c.MixCase = true
	_, err = c.Ask(t.Context(), s.Addr, m)
	require.NoError(t, err)
	require.Len(t, s.heard("udp"), 2)
	require.Equal(t, m.Question, s.heard("tcp")[0].Question, "TCP needs no dice")
}

func TestTruncated(t *testing.T) {
	cut := func(m *dns.Msg) { m.Truncated, m.Answer = true, nil }
	s := newServer(t, func(network string, q *dns.Msg) [][]byte {
		if network == "tcp" {
			return [][]byte{reply(q, dns.RcodeSuccess, nil)}
		}
		return [][]byte{reply(q, dns.RcodeSuccess, cut)}
	})
	answer, err := patient.Ask(t.Context(), s.Addr, question())
	require.NoError(t, err)
	require.Len(t, answer.Answer, 1)
	require.Len(t, s.heard("udp"), 1)
	s = newServer(t, func(_ string, q *dns.Msg) [][]byte { return [][]byte{reply(q, dns.RcodeSuccess, cut)} })
	_, err = patient.Ask(t.Context(), s.Addr, question())
	require.ErrorIs(t, err, dnsask.ErrTruncated)
}

// A server that knows no EDNS is asked without it, once.
func TestWithoutEDNS(t *testing.T) {
	for _, rcode := range []int{dns.RcodeFormatError, dns.RcodeNotImplemented} {
		s := newServer(t, func(_ string, q *dns.Msg) [][]byte {
			if q.IsEdns0() != nil {
				return [][]byte{reply(q, rcode, nil)}
			}
			return [][]byte{reply(q, dns.RcodeSuccess, nil)}
		})
		m := question()
		answer, err := patient.Ask(t.Context(), s.Addr, m)
		require.NoError(t, err)
		require.Len(t, answer.Answer, 1)
		require.NotNil(t, m.IsEdns0(), "unchanged")
		require.Len(t, s.heard("udp"), 2)

		s = newServer(t, func(_ string, q *dns.Msg) [][]byte { return [][]byte{reply(q, rcode, nil)} })
		answer, err = patient.Ask(t.Context(), s.Addr, new(dns.Msg).SetQuestion(name, dns.TypeA))
		require.NoError(t, err)
		require.Equal(t, rcode, answer.Rcode)
		require.Len(t, s.heard("udp"), 1)
	}
}

// Packets get lost: they are sent again, and TCP is tried at last.
func TestSilence(t *testing.T) {
	s := newServer(t, func(string, *dns.Msg) [][]byte { return nil })
	for attempts, want := range map[int][]string{0: {"udp", "udp", "tcp"}, 1: {"udp", "tcp"}, 3: {"udp", "udp", "udp", "tcp"}} {
		var dials []string
		c := dnsask.Client{Timeout: 20 * time.Millisecond, Attempts: attempts}
		c.Dial = func(_ context.Context, network, address string) (net.Conn, error) {
			dials = append(dials, network)
			return net.Dial(network, address)
		}
		_, err := c.Ask(t.Context(), s.Addr, question())
		require.Error(t, err)
		require.Equal(t, want, dials)
	}
}

// An hour's timeout ends with the context, and nothing is asked after that.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newServer(t, func(string, *dns.Msg) [][]byte { cancel(); return nil })
	_, err := (&dnsask.Client{Timeout: time.Hour}).Ask(ctx, s.Addr, question())
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "no answer by udp")
	require.Len(t, s.heard("udp"), 1)
	require.Empty(t, s.heard("tcp"))
}

// Where there is no way, nothing is gained by trying again.
func TestUnreachable(t *testing.T) {
	var dials []string
	c := dnsask.Client{Attempts: 5, Dial: func(_ context.Context, network, _ string) (net.Conn, error) {
		dials = append(dials, network)
		return nil, &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}
	}}
	_, err := c.Ask(t.Context(), newServer(t, nil).Addr, question())
	require.True(t, dnsask.Unreachable(err))
	require.Equal(t, []string{"udp", "tcp"}, dials)
	require.False(t, dnsask.Unreachable(syscall.ECONNREFUSED))
	require.False(t, dnsask.Unreachable(nil))
}

// Other opcodes are sent as they are.
func TestNotify(t *testing.T) {
	s := newServer(t, func(_ string, q *dns.Msg) [][]byte { return [][]byte{reply(q, dns.RcodeSuccess, nil)} })
	answer, err := patient.Exchange(t.Context(), s.Addr, new(dns.Msg).SetNotify(name))
	require.NoError(t, err)
	require.Equal(t, dns.OpcodeNotify, answer.Opcode)
	require.Equal(t, dns.OpcodeNotify, s.heard("udp")[0].Opcode)
	_, err = patient.Exchange(t.Context(), s.Addr, new(dns.Msg).SetQuestion("a..example.", dns.TypeA))
	require.ErrorContains(t, err, "pack a question")
	var opErr *net.OpError
	require.False(t, errors.As(err, &opErr), "nothing was sent")
}
