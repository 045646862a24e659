package export_test

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/export"
)

func TestParseExports(t *testing.T) {
	want := rack()
	for i := range want {
		want[i].ID = 0
	}
	var b strings.Builder
	require.NoError(t, export.WriteExports(&b, want))
	have, err := export.ParseExports(strings.NewReader(b.String()))
	require.NoError(t, err)
	require.Equal(t, want, have)

	have, err = export.ParseExports(strings.NewReader(`# by hand

"/srv/pi 1"	10.0.0.1(rw,no_root_squash,fsid=7) \
	10.0.0.2(fsid=8)	# two clients
/srv/a\040b -ro,fsid=9 10.0.0.0/24()
`))
	require.NoError(t, err)
	require.Equal(t, []export.Export{
		{Path: "/srv/pi 1", Client: prefix("10.0.0.1/32"), FSID: 7},
		{Path: "/srv/pi 1", Client: prefix("10.0.0.2/32"), FSID: 8, ReadOnly: true, SquashRoot: true},
		{Path: "/srv/a b", Client: prefix("10.0.0.0/24"), FSID: 9, ReadOnly: true, SquashRoot: true},
	}, have)
}

func TestParseExportsRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"\n/srv/a *(rw,fsid=1)":                                      `line 2: client "*" is not an address`,
		"/srv/a":                                                     "no client",
		"/srv/a @rack(rw,fsid=1)":                                    `client "@rack"`,
		"/srv/a 10.0.0.1(rw":                                         "do not end",
		"/srv/a 10.0.0.1(rw)":                                        "FSID",
		"/srv/a 10.0.0.0/24(no_root_squash,fsid=1)":                  "more than one address",
		"/srv/a 10.0.0.1(insecure,fsid=1)":                           `option "insecure"`,
		"/srv/a 10.0.0.1(async,fsid=1)":                              `option "async"`,
		"/srv/a 10.0.0.1(fsid=root)":                                 `fsid "root"`,
		"/srv/a 10.0.0.1(fsid=4294967296)":                           `fsid "4294967296"`,
		"/srv/a 10.0.0.1(fsid=1-2)":                                  `fsid "1-2"`,
		"/srv/a 10.0.0.1(fsid=10000000-0000-0000-0000-000000000001)": "not one of this package's",
		`"/srv/a 10.0.0.1(fsid=1)`:                                   "does not end",
		`/srv/\777 10.0.0.1(fsid=1)`:                                 "not a byte",
		`/srv/\012 10.0.0.1(fsid=1)`:                                 `'\n'`,
		"srv 10.0.0.1(fsid=1)":                                       "not absolute",
	} {
		_, err := export.ParseExports(strings.NewReader(text))
		require.ErrorContains(t, err, want, text)
	}
	broken := errors.New("broken")
	_, err := export.ParseExports(iotest.ErrReader(broken))
	require.ErrorIs(t, err, broken)
}

// What is read can be written, and reads the same again, unless two lines are
// in each other's way.
func FuzzParseExports(f *testing.F) {
	f.Add("/srv/a 10.0.0.1(rw,sync,no_root_squash,fsid=1)\n/srv/b fd00::1(ro,fsid=00000000-0000-0000-18db-4f80e413109c,crossmnt)")
	f.Add("\"/srv/a b\" 10.0.0.0/8(fsid=2,subtree_check) # x\n/srv/\\303\\251 10.0.0.1(fsid=3)")
	f.Add("/a -rw,fsid=1 10.0.0.1 \\\n10.0.0.2")
	f.Fuzz(func(t *testing.T, text string) {
		exports, err := export.ParseExports(strings.NewReader(text))
		if err != nil {
			return
		}
		var b strings.Builder
		if err := export.WriteExports(&b, exports); err != nil {
			return
		}
		again, err := export.ParseExports(strings.NewReader(b.String()))
		require.NoError(t, err)
		require.Equal(t, exports, again)
	})
}
