package boot_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/cmd/nfsinit/internal/boot"
)

// Whatever is on the command line, it is either refused or gives a mount whose
// options are one word.
func FuzzParseParams(f *testing.F) {
	f.Add("console=ttyS0 root=/dev/nfs nfsroot=10.0.0.1:/srv/%s,vers=4.2,hard ip=10.0.0.17:10.0.0.1::255.255.255.0:pi17:eth0:off rw")
	f.Add("ip=dhcp BOOTIF=01-b8-27-eb-01-02-03 nfsinit.watchdog=15 nfsinit.limit=600 init=/bin/sh -- single")
	f.Add("sunrpc.tcp_slot_table_entries=64 \"nfs.x=a b\" panic=-1")
	f.Fuzz(func(t *testing.T, cmdline string) {
		p, err := boot.ParseParams(cmdline)
		if err != nil {
			return
		}
		require.True(t, strings.HasPrefix(p.Init, "/"))
		m, err := p.Mount(lease())
		if err == nil {
			require.NotContains(t, m.Data, " ")
			require.True(t, strings.HasPrefix(m.Path, "/"), m.Path)
		}
	})
}

// raw is a network on which a stranger answers whatever is asked.
type raw struct {
	*packets
	answer []byte
	sent   int
}

func (r *raw) Send(b []byte) error {
	m, err := dhcpv4.FromBytes(b)
	if err != nil {
		return err
	}
	answer := append([]byte(nil), r.answer...)
	if len(answer) > 34 { // what a stranger in the network can copy
		copy(answer[4:8], m.TransactionID[:])
		copy(answer[28:34], m.ClientHWAddr)
	}
	r.sent++
	r.queue = append(r.queue, answer)
	return nil
}

type hostile struct {
	*system
	raw *raw
}

func (h hostile) Listen(boot.Link) (boot.Packets, error) {
	h.open++
	return h.raw, nil
}

// Whatever answers DHCP, nothing that a shell or a console would act on gets out.
func FuzzDHCP(f *testing.F) {
	for _, kind := range []dhcpv4.MessageType{dhcpv4.MessageTypeOffer, dhcpv4.MessageTypeAck} {
		m, err := dhcpv4.New(dhcpv4.WithMessageType(kind), dhcpv4.WithHwAddr(mac))
		require.NoError(f, err)
		m.OpCode = dhcpv4.OpcodeBootReply
		m.YourIPAddr = []byte{10, 0, 0, 17}
		m.UpdateOption(dhcpv4.OptServerIdentifier([]byte{10, 0, 0, 1}))
		m.UpdateOption(dhcpv4.OptRootPath("/srv/'\x1b$(reboot)"))
		m.UpdateOption(dhcpv4.OptHostName("pi'17\n"))
		f.Add(m.ToBytes())
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		synctest.Test(t, func(t *testing.T) {
			s := hostile{system: &system{}}
			s.raw = &raw{packets: &packets{system: s.system}, answer: answer}
			m := boot.Machine{Params: params(t, "ip=dhcp nfsinit.limit=9"), System: s, Log: func(line string) {
				require.NotContains(t, line, "\x1b")
			}}
			if _, err := m.Run(context.Background()); err != nil {
				return
			}
			for line := range strings.Lines(s.files["net-eth0.conf"]) {
				require.Regexp(t, `^[A-Z0-9]+='[^'$`+"`"+`"\\]*'\n$`, line)
			}
		})
	})
}
