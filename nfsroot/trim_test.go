package nfsroot_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

func TestTrimExcludes(t *testing.T) {
	all := nfsroot.Trim{Docs: true, Man: true, Locales: true, HWDB: true, Paths: []string{"/usr/share/zoneinfo/?*/P*s", "/opt/x"}}
	for name, want := range map[string]bool{
		"/usr/share/doc/apt/changelog.gz":               true,
		"/usr/share/doc/apt/copyright":                  false,
		"/usr/share/doc/apt/examples/copyright":         false, // as dpkg's "*" crosses slashes
		"/usr/share/doc":                                false,
		"/usr/share/man/man1/ls.1.gz":                   true,
		"/usr/share/manual":                             false,
		"/usr/share/locale/de/LC_MESSAGES/bash.mo":      true,
		"/usr/share/locale/locale.alias":                false,
		"/usr/lib/udev/hwdb.d/20-usb-vendor-model.hwdb": true,
		"/usr/share/zoneinfo/Europe/Paris":              true,
		"/usr/share/zoneinfo/Europe/Paris2":             false,
		"/usr/share/zoneinfo//Ps":                       false,
		"/opt/x":                                        true,
		"/opt/xy":                                       false,
		"/bin/sh":                                       false,
	} {
		require.Equal(t, want, all.Excludes(name), name)
		require.False(t, nfsroot.Trim{}.Excludes(name), name)
	}
}

func TestTrimDpkgConfig(t *testing.T) {
	require.Empty(t, nfsroot.Trim{}.DpkgConfig())
	require.Equal(t, `path-exclude=/usr/share/locale/*
path-include=/usr/share/locale/locale.alias
path-exclude=/opt/*
`, nfsroot.Trim{Locales: true, Paths: []string{"/opt/*"}}.DpkgConfig())
}
