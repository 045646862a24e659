package boot_test

import (
	"net"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/stretchr/testify/require"
)

type dhcpMessage = dhcpv4.DHCPv4

func rootPath(path string) dhcpv4.Modifier { return dhcpv4.WithOption(dhcpv4.OptRootPath(path)) }

func TestDHCPAsks(t *testing.T) {
	bubble(t, "for what a root needs", func(t *testing.T) {
		var asked []*dhcpMessage
		s := &system{serve: func(m *dhcpMessage) []*dhcpMessage {
			asked = append(asked, m)
			return server(t)(m)
		}}
		_, _, err := run(t, "ip=:::::eth0:dhcp nfsroot=/srv", s)
		require.NoError(t, err)
		require.Len(t, asked, 2)
		for _, m := range asked {
			require.True(t, m.IsBroadcast())
			require.Equal(t, mac, m.ClientHWAddr)
			require.True(t, m.IsOptionRequested(dhcpv4.OptionRootPath))
			require.Nil(t, m.Options.Get(dhcpv4.OptionClientIdentifier), "the MAC is the identity, as for the firmware")
		}
		require.Equal(t, asked[0].TransactionID, asked[1].TransactionID)
		require.Equal(t, "10.0.0.17", asked[1].RequestedIPAddress().String())
		require.Equal(t, "10.0.0.2", asked[1].ServerIdentifier().String())
	})
	bubble(t, "with the client identifier of ip=", func(t *testing.T) {
		var id []byte
		s := &system{serve: func(m *dhcpMessage) []*dhcpMessage {
			id = m.Options.Get(dhcpv4.OptionClientIdentifier)
			return server(t)(m)
		}}
		_, _, err := run(t, "ip=dhcp,0,shelf3 nfsroot=/srv", s)
		require.NoError(t, err)
		require.Equal(t, "\x00shelf3", string(id))
	})
}

// Answers that are wrong in one way each, which a stranger in the network could
// send, do not keep the right one from being taken.
func TestDHCPPassesOver(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*dhcpMessage)
	}{
		{"another transaction", func(m *dhcpMessage) { m.TransactionID[0]++ }},
		{"another machine", func(m *dhcpMessage) { m.ClientHWAddr = net.HardwareAddr{2, 0, 0, 0, 0, 9} }},
		{"a request", func(m *dhcpMessage) { m.OpCode = dhcpv4.OpcodeBootRequest }},
		{"no server", func(m *dhcpMessage) { m.Options.Del(dhcpv4.OptionServerIdentifier) }},
		{"no address", func(m *dhcpMessage) { m.YourIPAddr = net.IPv4zero }},
		{"loopback", func(m *dhcpMessage) { m.YourIPAddr = net.IPv4(127, 0, 0, 1) }},
		{"multicast", func(m *dhcpMessage) { m.YourIPAddr = net.IPv4(224, 0, 0, 1) }},
		{"of another kind", func(m *dhcpMessage) { m.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeInform)) }},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			s := &system{serve: func(m *dhcpMessage) []*dhcpMessage {
				right := server(t)(m)
				wrong := server(t, dhcpv4.WithYourIP(net.IPv4(10, 0, 0, 99)))(m)[0]
				tt.change(wrong)
				return append([]*dhcpMessage{wrong}, right...)
			}}
			_, said, err := run(t, "ip=dhcp nfsroot=/srv", s)
			require.NoError(t, err)
			require.NotContains(t, said, "again in")
			require.Equal(t, "10.0.0.17/24", s.addr.String())
		})
	}
}

func TestDHCPTrouble(t *testing.T) {
	bubble(t, "nobody answers at first", func(t *testing.T) {
		late := after(time.Minute, errUnknown)
		s := &system{serve: func(m *dhcpMessage) []*dhcpMessage {
			if late() != nil {
				return nil
			}
			return server(t)(m)
		}}
		_, said, err := run(t, "ip=dhcp nfsroot=/srv", s)
		require.NoError(t, err)
		require.Contains(t, said, "no address for eth0 (b8:27:eb:01:02:03): no DHCP server answers on eth0")
	})
	bubble(t, "the offer is taken back", func(t *testing.T) {
		naks := 2
		s := &system{serve: func(m *dhcpMessage) []*dhcpMessage {
			if m.MessageType() == dhcpv4.MessageTypeRequest && naks > 0 {
				naks--
				return []*dhcpMessage{reply(t, m, dhcpv4.MessageTypeNak, dhcpv4.WithOption(dhcpv4.OptMessage("no\x1b[2J")))}
			}
			return server(t)(m)
		}}
		_, said, err := run(t, "ip=dhcp nfsroot=/srv", s)
		require.NoError(t, err)
		require.Contains(t, said, "DHCP server 10.0.0.2 takes back its offer of 10.0.0.17: no?[2J")
	})
	bubble(t, "silent after the offer", func(t *testing.T) {
		silent := after(10*time.Second, errUnknown)
		s := &system{serve: func(m *dhcpMessage) []*dhcpMessage {
			if m.MessageType() == dhcpv4.MessageTypeRequest && silent() != nil {
				return nil
			}
			return server(t)(m)
		}}
		_, said, err := run(t, "ip=dhcp nfsroot=/srv", s)
		require.NoError(t, err)
		require.Contains(t, said, "DHCP server 10.0.0.2 offered 10.0.0.17 and was silent")
	})
	bubble(t, "a netmask that is none", func(t *testing.T) {
		s := &system{serve: server(t, dhcpv4.WithNetmask(net.IPMask{255, 0, 255, 0}))}
		_, said, err := run(t, "ip=dhcp nfsroot=/srv nfsinit.limit=20", s)
		require.Error(t, err)
		require.Contains(t, said, "gives the netmask 255.0.255.0")
	})
	bubble(t, "no netmask is that of the class", func(t *testing.T) {
		s := &system{serve: func(m *dhcpMessage) []*dhcpMessage {
			answer := server(t)(m)
			answer[0].Options.Del(dhcpv4.OptionSubnetMask)
			return answer
		}}
		_, _, err := run(t, "ip=dhcp nfsroot=/srv", s)
		require.NoError(t, err)
		require.Equal(t, "10.0.0.17/8", s.addr.String())
	})
	bubble(t, "no next server is the DHCP server", func(t *testing.T) {
		s := &system{serve: server(t, dhcpv4.WithServerIP(net.IPv4zero))}
		_, _, err := run(t, "ip=dhcp nfsroot=/srv", s)
		require.NoError(t, err)
		require.Equal(t, "10.0.0.2:/srv", s.mounted.Source)
	})
	bubble(t, "no socket", func(t *testing.T) {
		_, said, err := run(t, "ip=dhcp nfsinit.limit=5", &system{listen: errUnknown})
		require.Error(t, err)
		require.Contains(t, said, "open a socket for DHCP on eth0: something else")
	})
}
