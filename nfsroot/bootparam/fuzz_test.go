package bootparam_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
)

// What a parser takes and Text does not refuse reads back the same, and is one
// word.
func FuzzIP(f *testing.F) {
	for _, s := range []string{"dhcp", "10.0.0.1:10.0.0.2:10.0.0.3:255.255.255.0:pi:eth0:off:192.0.2.1::192.0.2.2", ":::::eth0:both", "dhcp,1,x", "eth0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		ip, err := bootparam.ParseIP(in)
		if err != nil {
			return
		}
		text, err := ip.Text()
		if err != nil {
			return
		}
		require.NotContains(t, text, " ")
		back, err := bootparam.ParseIP(text)
		require.NoError(t, err)
		require.Equal(t, ip, back)
	})
}

func FuzzNFSRoot(f *testing.F) {
	for _, s := range []string{"", "10.0.0.1:/srv/%s,vers=4.2,hard", "10.0.0.1", ",v3,tcp,nolock,rsize=4096", "default", "pi17,port=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		root, err := bootparam.ParseNFSRoot(in)
		if err != nil {
			return
		}
		text, err := root.Text()
		if err != nil {
			return
		}
		require.NotContains(t, text, " ")
		back, err := bootparam.ParseNFSRoot(text)
		require.NoError(t, err)
		require.Equal(t, root, back)
	})
}

func FuzzCmdline(f *testing.F) {
	for _, s := range []string{
		"console=tty1 root=/dev/nfs nfsroot=/srv/a rw ip=dhcp quiet", `a="b c" "d e" f" "g`, "-- ip=x", "panic=-1 ro rw", "=a \x00",
		`a=""""`, `a="""`, `a="" b`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		line, err := bootparam.ParseCmdline(in)
		if err != nil {
			return
		}
		text, err := line.Text()
		if err != nil {
			return
		}
		require.Equal(t, 1, strings.Count(text, "\n"))
		back, err := bootparam.ParseCmdline(text)
		require.NoError(t, err)
		again, err := back.Text()
		require.NoError(t, err)
		require.Equal(t, text, again)
		require.Equal(t, line.Extra, back.Extra)
		require.Equal(t, line.Consoles, back.Consoles)
	})
}

// An extra parameter is one word for the kernel, whatever is in it.
func FuzzExtra(f *testing.F) {
	for _, s := range []string{"quiet", `a="b c"`, `a="b" c="d"`, `"a b"`, "a=b\tc", "--", `a=""`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		text, err := bootparam.Cmdline{Extra: []string{in, "last"}}.Text()
		if err != nil {
			return
		}
		back, err := bootparam.ParseCmdline(text)
		require.NoError(t, err)
		require.Len(t, back.Extra, 2)
		require.Equal(t, "last", back.Extra[1])
	})
}

func FuzzConfigTXT(f *testing.F) {
	for _, s := range []string{"a=1\n[pi4]\nb=2\n[0x1]\nc=3\n[all]\nd=4", "initramfs a followkernel\ninclude b", "[gpio4=1]\na=\n[gpio4=0]\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		config, err := bootparam.ParseConfigTXT(in)
		if err != nil {
			return
		}
		text, err := config.Text()
		require.NoError(t, err, "what was read can be written")
		back, err := bootparam.ParseConfigTXT(text)
		require.NoError(t, err)
		require.Equal(t, config, back)
	})
}
