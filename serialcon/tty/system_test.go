package tty_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

// tree makes files, and links of entries that begin with "-> ".
func tree(t *testing.T, files map[string]string) tty.System {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		if len(text) > 3 && text[:3] == "-> " {
			require.NoError(t, os.Symlink(text[3:], path))
			continue
		}
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return tty.System{Dev: filepath.Join(root, "dev"), Sys: filepath.Join(root, "sys"), Proc: filepath.Join(root, "proc")}
}

func TestHostConsoles(t *testing.T) {
	s := tree(t, map[string]string{
		"proc/cmdline":                 "BOOT=x console=ttyS0,115200n8 console=serial0 consoleblank=0 console= quiet\n",
		"sys/class/tty/console/active": "tty0 ttyAMA10\n",
		"dev/serial0":                  "-> ttyAMA0",
		"dev/ttyAMA0":                  "",
	})
	require.Equal(t, []string{"ttyS0", "ttyAMA0", "", "tty0", "ttyAMA10"}, s.HostConsoles())
	require.Empty(t, tree(t, nil).HostConsoles())
}

// usb are the files of an adapter with one port.
func usb(files map[string]string, socket, tty, vendor, product, serial string) {
	dir := "sys/devices/pci0000:00/usb1/" + socket
	files[dir+"/idVendor"] = vendor + "\n"
	files[dir+"/idProduct"] = product + "\n"
	files[dir+"/manufacturer"] = "ACME\n"
	files[dir+"/product"] = "Serial\n"
	if serial != "" {
		files[dir+"/serial"] = serial + "\n"
	}
	port(files, socket, ":1.0", tty)
}

// port is one port of an adapter.
func port(files map[string]string, socket, iface, tty string) {
	at := "usb1/" + socket + "/" + socket + iface + "/" + tty
	files["sys/devices/pci0000:00/"+at+"/driver"] = "-> ../../../../../../bus/drivers/ftdi_sio"
	files["sys/devices/pci0000:00/"+at+"/tty/"+tty+"/dev"] = "188:0\n"
	files["sys/devices/pci0000:00/"+at+"/tty/"+tty+"/device"] = "-> ../.."
	files["sys/class/tty/"+tty] = "-> ../../devices/pci0000:00/" + at + "/tty/" + tty
	files["sys/bus/drivers/ftdi_sio/uevent"] = ""
	files["dev/"+tty] = ""
	files["dev/serial/by-id/usb-"+tty] = "-> ../../" + tty
	files["dev/serial/by-path/pci-0000:00:14.0-usb-0:"+socket+iface] = "-> ../../" + tty
	files["dev/serial/by-path/pci-0000:00:14.0-usbv2-0:"+socket+iface] = "-> ../../" + tty
}

func TestList(t *testing.T) {
	files := map[string]string{
		"proc/cmdline":                     "console=ttyAMA0",
		"sys/class/tty/tty0/dev":           "4:0",
		"sys/class/tty/ttyS7/type":         "0",
		"sys/devices/platform/fe20/uevent": "",
		"sys/class/tty/ttyS7/device":       "-> ../../../devices/platform/fe20",
		"sys/class/tty/ttyAMA0/device":     "-> ../../../devices/platform/fe20",
		"sys/class/tty/ttyAMA0/type":       "32",
	}
	usb(files, "1-1", "ttyUSB10", "0403", "6001", "A50285BI")
	usb(files, "1-2", "ttyUSB2", "1a86", "7523", "")
	usb(files, "1-3", "ttyUSB3", "10c4", "ea60", "0001")
	usb(files, "1-4", "ttyUSB4", "0403", "6015", "TWIN")
	usb(files, "1-5", "ttyUSB5", "0403", "6015", "TWIN")
	usb(files, "1-6", "ttyUSB6", "0403", "6011", "QUAD")
	port(files, "1-6", ":1.1", "ttyUSB7")
	s := tree(t, files)
	ports, err := s.List()
	require.NoError(t, err)

	byPath := func(rest string) string { return filepath.Join(s.Dev, "serial/by-path/pci-0000:00:14.0-usb-0:"+rest) }
	byID := func(name string) string { return filepath.Join(s.Dev, "serial/by-id/usb-"+name) }
	var names, stable []string
	for _, p := range ports {
		names, stable = append(names, p.Name), append(stable, p.Stable())
		require.Equal(t, p.Name == "ttyAMA0", p.Console, p.Name)
		require.Equal(t, filepath.Join(s.Dev, p.Name), p.Path)
	}
	require.Equal(t, []string{"ttyAMA0", "ttyUSB2", "ttyUSB3", "ttyUSB4", "ttyUSB5", "ttyUSB6", "ttyUSB7", "ttyUSB10"}, names)
	require.Equal(t, []string{
		filepath.Join(s.Dev, "ttyAMA0"),
		byPath("1-2:1.0"), byPath("1-3:1.0"), byPath("1-4:1.0"), byPath("1-5:1.0"),
		byID("ttyUSB6"), byID("ttyUSB7"), byID("ttyUSB10"),
	}, stable)
	last := ports[len(ports)-1]
	require.Equal(t, []string{"ftdi_sio", "0403", "6001", "A50285BI", "ACME Serial"},
		[]string{last.Driver, last.Vendor, last.Product, last.Serial, last.Description})
}

func TestListWithoutSys(t *testing.T) {
	_, err := tree(t, nil).List()
	require.ErrorIs(t, err, os.ErrNotExist)
}
