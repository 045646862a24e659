package dns64_test

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/sniproxy/dns64"
	"github.com/stretchr/testify/require"
)

// serve runs a handler on a socket of 127.0.0.1 for UDP or TCP.
func serve(t *testing.T, h *dns64.Handler, network string) (addr string) {
	t.Helper()
	server := &dns.Server{Handler: h}
	if network == "udp" {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		require.NoError(t, err)
		server.PacketConn, addr = conn, conn.LocalAddr().String()
	} else {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		server.Listener, addr = l, l.Addr().String()
	}
	var done, started sync.WaitGroup
	started.Add(1)
	server.NotifyStartedFunc = started.Done
	done.Go(func() { _ = server.ActivateAndServe() })
	started.Wait()
	t.Cleanup(func() {
		_ = server.Shutdown()
		done.Wait()
	})
	return addr
}

func over(t *testing.T, network, addr string, q *dns.Msg) *dns.Msg {
	t.Helper()
	client := dns.Client{Net: network, Timeout: time.Minute}
	r, _, err := client.ExchangeContext(t.Context(), q, addr)
	require.NoError(t, err)
	return r
}

func TestAnswersFitTheClient(t *testing.T) {
	h, authority := handler(t)
	var many []string
	for i := range 60 {
		many = append(many, fmt.Sprintf("x.example. 60 IN A 192.0.2.%d", i+1))
	}
	authority.Records(t, many...)
	udp, tcp := serve(t, h, "udp"), serve(t, h, "tcp")
	for _, size := range []uint16{0, 100, 512, 1232, 4096, 65535} {
		q := new(dns.Msg).SetQuestion("x.example.", dns.TypeAAAA)
		if size > 0 {
			q.SetEdns0(size, false)
		}
		client, err := net.Dial("udp", udp)
		require.NoError(t, err)
		wire, err := q.Pack()
		require.NoError(t, err)
		_, err = client.Write(wire)
		require.NoError(t, err)
		buf := make([]byte, 65535)
		require.NoError(t, client.SetReadDeadline(time.Now().Add(time.Minute)))
		n, err := client.Read(buf)
		require.NoError(t, err)
		require.NoError(t, client.Close())
		require.LessOrEqual(t, n, min(max(512, int(size)), 1232), "asked with %d", size)
		r := new(dns.Msg)
		require.NoError(t, r.Unpack(buf[:n]))
		require.True(t, r.Truncated)
		require.Equal(t, size > 0, r.IsEdns0() != nil)

		whole := over(t, "tcp", tcp, q)
		require.False(t, whole.Truncated)
		require.Len(t, whole.Answer, 60)
	}
}

func TestStrangersAreRefused(t *testing.T) {
	h, authority := handler(t)
	authority.Records(t, "x.example. 60 IN A 192.0.2.1")
	for _, network := range []string{"udp", "tcp"} {
		addr := serve(t, h, network)
		q := new(dns.Msg).SetQuestion("x.example.", dns.TypeAAAA)
		require.Len(t, over(t, network, addr, q).Answer, 1)
	}
	asked := len(authority.Asked())
	stranger := &dns64.Handler{Upstream: h.Upstream, Clients: []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")}}
	nobody := &dns64.Handler{Upstream: h.Upstream}
	for _, h := range []*dns64.Handler{stranger, nobody} {
		for _, network := range []string{"udp", "tcp"} {
			addr := serve(t, h, network)
			for _, name := range []string{"x.example.", "ipv4only.arpa."} {
				r := over(t, network, addr, new(dns.Msg).SetQuestion(name, dns.TypeAAAA))
				require.Equal(t, dns.RcodeRefused, r.Rcode)
				require.Empty(t, r.Answer)
			}
		}
	}
	require.Len(t, authority.Asked(), asked, "nothing of it goes upstream")
}

func TestQuestionsUnderWayAreBounded(t *testing.T) {
	h, authority := handler(t)
	h.InFlight = 3
	hold := make(chan struct{})
	authority.Set("slow.example", dns.TypeA, reply{Hold: hold, Answer: []string{"slow.example. 60 IN A 192.0.2.1"}})
	addr := serve(t, h, "tcp")
	results := make(chan int, 3)
	var clients sync.WaitGroup
	for range 3 {
		clients.Go(func() {
			client := dns.Client{Net: "tcp", Timeout: time.Minute}
			r, _, err := client.Exchange(new(dns.Msg).SetQuestion("slow.example.", dns.TypeA), addr)
			if err != nil {
				t.Error(err)
				return
			}
			results <- r.Rcode
		})
	}
	require.Eventually(t, func() bool { return len(authority.Asked()) == 3 }, time.Minute, time.Millisecond)
	require.Equal(t, dns.RcodeServerFailure, over(t, "tcp", addr, new(dns.Msg).SetQuestion("slow.example.", dns.TypeA)).Rcode)
	close(hold)
	clients.Wait()
	for range 3 {
		require.Equal(t, dns.RcodeSuccess, <-results)
	}
	require.Equal(t, dns.RcodeSuccess, over(t, "tcp", addr, new(dns.Msg).SetQuestion("slow.example.", dns.TypeA)).Rcode)
}
