package racktest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/capture"
)

// record has tcpdump write down what goes over the slot's interface. The
// function that it returns ends that, and tells what the recording says is
// wrong with the Pi's boot.
func record(t testing.TB, s *slot) (diagnose func() netboot.Diagnosis) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "boot.pcap")
	cmd := exec.Command(peer.Look(t, "tcpdump"), "-i", s.iface, "-Z", "root", "-U", "-w", path)
	tcpdump := peer.Start(t, cmd, peer.Options{ReadyOutput: regexp.MustCompile(`listening on`)})
	return func() netboot.Diagnosis {
		t.Helper()
		tcpdump.Stop()
		f, err := os.Open(path)
		require.NoError(t, err)
		defer f.Close()
		boots, err := capture.Read(f)
		require.NoError(t, err)
		require.Len(t, boots, 1)
		require.Equal(t, s.mac(), boots[0].MAC)
		for _, line := range boots[0].Timeline[max(0, len(boots[0].Timeline)-20):] {
			t.Log(line.At.Format("15:04:05.000"), line.Text)
		}
		return boots[0].Diagnosis
	}
}
