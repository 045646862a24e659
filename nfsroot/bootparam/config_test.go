package bootparam_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
)

func set(key, value string) bootparam.Setting { return bootparam.Setting{Key: key, Value: value} }

func TestConfigTXT(t *testing.T) {
	config := bootparam.ConfigTXT{
		{Settings: []bootparam.Setting{
			set("arm_64bit", "1"), set("kernel", "vmlinuz"), bootparam.Initramfs("initrd.img", bootparam.FollowKernel),
			set("dtoverlay", ""), bootparam.Include("site.txt"),
		}},
		{Filters: []string{"pi3"}, Settings: []bootparam.Setting{set("os_prefix", "pi3/")}},
		{Filters: []string{"pi4", "0x5564247d"}, Settings: []bootparam.Setting{set("dtparam", "audio=on")}},
	}
	text, err := config.Text()
	require.NoError(t, err)
	require.Equal(t, `arm_64bit=1
kernel=vmlinuz
initramfs initrd.img followkernel
dtoverlay=
include site.txt
[all]
[pi3]
os_prefix=pi3/
[all]
[pi4]
[0x5564247d]
dtparam=audio=on
[all]
`, text)
	back, err := bootparam.ParseConfigTXT(text)
	require.NoError(t, err)
	require.Equal(t, config, back)

	text, err = bootparam.ConfigTXT{}.Text()
	require.NoError(t, err)
	require.Empty(t, text)
}

func TestConfigTXTRefuses(t *testing.T) {
	one := func(key, value string) bootparam.Section {
		return bootparam.Section{Settings: []bootparam.Setting{set(key, value)}}
	}
	tests := []struct {
		name    string
		section bootparam.Section
		want    string
	}{
		{"newline", one("kernel", "a\ninclude evil.txt"), `kernel "a\ninclude evil.txt" has a control character at byte 1`},
		{"carriage return", one("gpu_mem", "1\rb=2"), "control character"},
		{"NUL", one("dtoverlay", "x\x00"), "control character"},
		{"newline in a key", one("a\nb", "c"), "Key"},
		{"no key", one("", "c"), "Key"},
		{"filter as a key", one("[all]", "c"), "Key"},
		{"space in a file name", one("kernel", "a b"), "must not have a space"},
		{"space at an end", one("gpu_mem", "1 "), "space at an end"},
		{"initramfs without a name", one("initramfs", ""), "not 1 to 2 words"},
		{"initramfs with a space in its name", one("initramfs", "a b followkernel"), "not 1 to 2 words"},
		{"include of two", one("include", "a b"), "not 1 to 1 words"},
		{"longer than the firmware reads", one("dtparam", strings.Repeat("p", 91)), "99 bytes"},
		{"filter that is none", bootparam.Section{Filters: []string{"pi3]\n[all"}}, "Filter"},
		{"empty filter", bootparam.Section{Filters: []string{""}}, "Filter"},
		{"all", bootparam.Section{Filters: []string{"all"}}, "Filter"},
		{"two models", bootparam.Section{Filters: []string{"pi3", "cm4"}}, `"cm4" would take the place of "pi3"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := bootparam.ConfigTXT{tt.section}.Text()
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestParseConfigTXT(t *testing.T) {
	config, err := bootparam.ParseConfigTXT("# " + strings.Repeat("a long comment ", 20) + `
arm_64bit = 1
initramfs  initrd.img   followkernel

[pi3]
kernel=kernel3.img
[gpio4=1]
uart=1
[pi4]
kernel=kernel4.img
[all]
enable_uart=1
[cm4]
`)
	require.NoError(t, err)
	require.Equal(t, bootparam.ConfigTXT{
		{Settings: []bootparam.Setting{set("arm_64bit", "1"), bootparam.Initramfs("initrd.img", "followkernel")}},
		{Filters: []string{"pi3"}, Settings: []bootparam.Setting{set("kernel", "kernel3.img")}},
		{Filters: []string{"pi3", "gpio4=1"}, Settings: []bootparam.Setting{set("uart", "1")}},
		{Filters: []string{"gpio4=1", "pi4"}, Settings: []bootparam.Setting{set("kernel", "kernel4.img")}},
		{Settings: []bootparam.Setting{set("enable_uart", "1")}},
	}, config)

	pi := func(model string) func(string) bool { return func(f string) bool { return f == model } }
	value, found := config.Lookup("kernel", pi("pi3"))
	require.True(t, found)
	require.Equal(t, "kernel3.img", value)
	_, found = config.Lookup("uart", pi("pi3"))
	require.False(t, found, "the pin is not set")
	_, found = config.Lookup("kernel", pi("pi5"))
	require.False(t, found)

	for text, want := range map[string]string{
		"a=1\nkernel":                        `line 2: "kernel" has no equals sign`,
		"[pi3":                               "not a conditional filter",
		"[]":                                 "not a conditional filter",
		"initramfs=a":                        "takes it after a space",
		"initramfs":                          "not 1 to 2 words",
		"initramfs a  b c":                   "not 1 to 2 words",
		"dtparam=" + strings.Repeat("x", 91): "99 bytes",
		"dtparam=a\x01":                      "control character",
		"sp ace=1":                           "Key",
	} {
		_, err := bootparam.ParseConfigTXT(text)
		require.ErrorContains(t, err, want, text)
	}
}
