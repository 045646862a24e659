package boottree_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
	"github.com/mythic-beasts/hostkit/nfsroot/boottree"
)

func TestRaspiFirmwareDefaults(t *testing.T) {
	config := bootparam.ConfigTXT{{Settings: []bootparam.Setting{{Key: "gpu_mem", Value: "16"}}}}
	files, err := boottree.RaspiFirmwareDefaults(line, config)
	require.NoError(t, err)
	require.Contains(t, files["etc/default/raspi-firmware"], "ROOTPART=/dev/nfs\nCONSOLES=\"tty0 ttyS1,115200\"\nCMA=0\n")
	require.Equal(t, "nfsroot=10.77.0.1:/srv/pi17/root,vers=4.2 ro ip=10.77.0.17:::255.255.255.0:pi17:eth0:off panic=10 "+
		`systemd.show_status=1 dyndbg="file a.c +p"`+"\n", files["etc/default/raspi-extra-cmdline"])
	require.Equal(t, "gpu_mem=16\n", files["etc/default/raspi-firmware-custom"])
	require.Contains(t, files["etc/systemd/system/boot-firmware.mount"], "Where=/boot/firmware\n")

	files, err = boottree.RaspiFirmwareDefaults(bootparam.Cmdline{Consoles: []string{"ttyS1"}}, nil)
	require.NoError(t, err)
	require.NotContains(t, files, "etc/default/raspi-firmware-custom")
	require.Equal(t, "rw ip=dhcp\n", files["etc/default/raspi-extra-cmdline"])

	for want, line := range map[string]bootparam.Cmdline{
		`Root "/dev/vda"`:   {Root: "/dev/vda", Consoles: []string{"tty0"}},
		"Consoles is empty": {},
		`Consoles "$(id)"`:  {Consoles: []string{"$(id)"}},
		"Consoles \"`id`\"": {Consoles: []string{"`id`"}},
		"Extra":             {Consoles: []string{"tty0"}, Extra: []string{"a b"}},
	} {
		_, err := boottree.RaspiFirmwareDefaults(line, nil)
		require.ErrorContains(t, err, want)
	}
	_, err = boottree.RaspiFirmwareDefaults(line, bootparam.ConfigTXT{{Settings: []bootparam.Setting{{Key: "a b"}}}})
	require.ErrorContains(t, err, "Key")
}
