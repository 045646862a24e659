package nfsroot_test

import (
	"io/fs"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

func TestMinimalIsValid(t *testing.T) {
	for _, suite := range []string{"bookworm", "trixie"} {
		for _, arch := range []nfsroot.Arch{nfsroot.AMD64, nfsroot.ARM64, nfsroot.ARMHF} {
			s := nfsroot.Minimal(suite, arch)
			require.NoError(t, s.Validate())
			require.Contains(t, s.Packages, "openssh-server")
			require.NotContains(t, s.Packages, "usrmerge")
		}
	}
}

func TestValidate(t *testing.T) {
	mirror := func(m nfsroot.Mirror) func(*nfsroot.Spec) {
		return func(s *nfsroot.Spec) { s.Mirrors = []nfsroot.Mirror{m} }
	}
	for _, tt := range []struct {
		name   string
		change func(*nfsroot.Spec)
		want   string // in the error; "" means valid
	}{
		{"as it is", func(*nfsroot.Spec) {}, ""},
		{"no suite", func(s *nfsroot.Spec) { s.Suite = "" }, `suite ""`},
		{"suite that is a path", func(s *nfsroot.Spec) { s.Suite = "../sid" }, `suite "../sid"`},
		{"suite that is an option", func(s *nfsroot.Spec) { s.Suite = "-x" }, `suite "-x"`},
		{"suite of two lines", func(s *nfsroot.Spec) { s.Suite = "sid\ndeb" }, `suite "sid\ndeb"`},
		{"no architecture", func(s *nfsroot.Spec) { s.Arch = "" }, `architecture ""`},
		{"another architecture", func(s *nfsroot.Spec) { s.Arch = "riscv64" }, `architecture "riscv64"`},
		{"package of one letter more", func(s *nfsroot.Spec) { s.Packages = []string{"g++", "libstdc++6", "0ad"} }, ""},
		{"package to remove", func(s *nfsroot.Spec) { s.Packages = []string{"apt-"} }, `package "apt-"`},
		{"package that is an option", func(s *nfsroot.Spec) { s.Packages = []string{"-oAPT::Update::Pre-Invoke::=id"} }, `package "-oAPT`},
		{"package that is two", func(s *nfsroot.Spec) { s.Packages = []string{"a1 b1"} }, `package "a1 b1"`},
		{"packages with a comma", func(s *nfsroot.Spec) { s.Packages = []string{"a1,b1"} }, `package "a1,b1"`},
		{"package that is a pattern", func(s *nfsroot.Spec) { s.Packages = []string{"?essential"} }, `package "?essential"`},
		{"package that is a file", func(s *nfsroot.Spec) { s.Packages = []string{"./x.deb"} }, `package "./x.deb"`},
		{"package with a line end", func(s *nfsroot.Spec) { s.Packages = []string{"nginx\n"} }, `package "nginx\n"`},
		{"no mirrors", func(s *nfsroot.Spec) { s.Mirrors = []nfsroot.Mirror{} }, "no mirrors"},
		{"mirror by file", mirror(nfsroot.Mirror{URL: "file:///srv/debian"}), ""},
		{"mirror with a port", mirror(nfsroot.Mirror{URL: "https://mirror.example:8443/debian/"}), ""},
		{"mirror by FTP", mirror(nfsroot.Mirror{URL: "ftp://mirror.example/debian"}), `URL "ftp:`},
		{"mirror without a host", mirror(nfsroot.Mirror{URL: "http:///debian"}), `URL "http:///debian"`},
		{"mirror with a password", mirror(nfsroot.Mirror{URL: "http://u:p@mirror.example/"}), "is not of an archive"},
		{"mirror that is not a URL", mirror(nfsroot.Mirror{URL: "copy:/etc"}), `URL "copy:/etc"`},
		{"mirror with a second word", mirror(nfsroot.Mirror{URL: "http://a.example/ sid"}), "malformed"},
		{"mirror with options", mirror(nfsroot.Mirror{URL: "http://a.example/[trusted=yes]"}), "malformed"},
		{"mirror with a comment", mirror(nfsroot.Mirror{URL: "http://a.example/#"}), "malformed"},
		{"suite of a mirror", mirror(nfsroot.Mirror{URL: "http://a.example/", Suite: "a b"}), `mirror 0: suite "a b"`},
		{"component", mirror(nfsroot.Mirror{URL: "http://a.example/", Components: []string{"main", "x y"}}), `component "x y"`},
		{"keyring that is relative", func(s *nfsroot.Spec) { s.Keyring = "keys.gpg" }, `keyring "keys.gpg"`},
		{"keyring that ends the options", func(s *nfsroot.Spec) { s.Keyring = "/k trusted=yes" }, `keyring "/k trusted=yes"`},
		{"keyring above", func(s *nfsroot.Spec) { s.Keyring = "/a/../b" }, "not a clean absolute path"},
		{"two keyrings of one name", func(s *nfsroot.Spec) {
			s.Mirrors = []nfsroot.Mirror{{URL: "http://a.example/", Keyring: "/a/k.gpg"}, {URL: "http://b.example/", Keyring: "/b/k.gpg"}}
		}, `keyring "/b/k.gpg" has the name of "/a/k.gpg"`},
		{"pin", func(s *nfsroot.Spec) {
			s.Pins = []nfsroot.Pin{{Package: "linux-image-*", Pin: "release n=bookworm-backports", Priority: 500}, {Package: "*", Pin: `origin "a.example"`, Priority: -1}}
		}, ""},
		{"pin of two stanzas", func(s *nfsroot.Spec) {
			s.Pins = []nfsroot.Pin{{Package: "*", Pin: "version 1\n\nPackage: *", Priority: 1}}
		}, "pin 0"},
		{"pin on nothing", func(s *nfsroot.Spec) { s.Pins = []nfsroot.Pin{{Package: "*", Pin: "sid", Priority: 1}} }, `pin "sid"`},
		{"pin of a sentence", func(s *nfsroot.Spec) { s.Pins = []nfsroot.Pin{{Package: "a b", Pin: "version 1", Priority: 1}} }, `package "a b"`},
		{"pin without priority", func(s *nfsroot.Spec) { s.Pins = []nfsroot.Pin{{Package: "*", Pin: "version 1"}} }, "priority 0"},
		{"trim", func(s *nfsroot.Spec) { s.Trim.Paths = []string{"/usr/share/zoneinfo/*"} }, ""},
		{"trim that adds an option", func(s *nfsroot.Spec) { s.Trim.Paths = []string{"/x\npre-invoke=id"} }, "trim path"},
		{"trim that is relative", func(s *nfsroot.Spec) { s.Trim.Paths = []string{"usr/*"} }, "trim path"},
		{"unit", func(s *nfsroot.Spec) { s.Mask = []string{"getty@tty1.service", `dev-disk-by\x2dlabel.swap`} }, ""},
		{"unit that is a path", func(s *nfsroot.Spec) { s.Mask = []string{"../passwd"} }, `unit to mask "../passwd"`},
		{"kernel", func(s *nfsroot.Spec) {
			s.Kernel = &nfsroot.Kernel{Package: "linux-image-6.1.0-*-arm64", Modules: []string{"nfsv4", "8021q", "snd-pcm"}}
		}, ""},
		{"kernel of two wildcards", func(s *nfsroot.Spec) { s.Kernel = &nfsroot.Kernel{Package: "linux-*-*"} }, `kernel package "linux-*-*"`},
		{"kernel without a package", func(s *nfsroot.Spec) { s.Kernel = &nfsroot.Kernel{} }, `kernel package ""`},
		{"module that is a path", func(s *nfsroot.Spec) {
			s.Kernel = &nfsroot.Kernel{Package: "linux-image-arm64", Modules: []string{"../x"}}
		}, `kernel module "../x"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := nfsroot.Minimal("bookworm", nfsroot.AMD64)
			tt.change(&s)
			err := s.Validate()
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
			_, err = s.Hash()
			require.Error(t, err)
		})
	}
}

func TestHashIsOverEverything(t *testing.T) {
	base := func() nfsroot.Spec {
		s := nfsroot.Minimal("bookworm", nfsroot.AMD64)
		s.Files = fstest.MapFS{"etc/motd": {Data: []byte("hello\n"), Mode: 0o644}}
		return s
	}
	file := func(f *fstest.MapFile, name string) func(*nfsroot.Spec) {
		return func(s *nfsroot.Spec) { s.Files = fstest.MapFS{name: f} }
	}
	seen := map[string]string{}
	for _, tt := range []struct {
		name   string
		change func(*nfsroot.Spec)
	}{
		{"base", func(*nfsroot.Spec) {}},
		{"suite", func(s *nfsroot.Spec) { s.Suite = "trixie" }},
		{"arch", func(s *nfsroot.Spec) { s.Arch = nfsroot.ARM64 }},
		{"mirror", func(s *nfsroot.Spec) { s.Mirrors = []nfsroot.Mirror{{URL: "http://a.example/"}} }},
		{"snapshot", func(s *nfsroot.Spec) { s.Snapshot = time.Unix(1, 0) }},
		{"keyring", func(s *nfsroot.Spec) { s.Keyring = "/k.gpg" }},
		{"packages", func(s *nfsroot.Spec) { s.Packages = append(s.Packages, "nginx") }},
		{"pins", func(s *nfsroot.Spec) { s.Pins = []nfsroot.Pin{{Package: "*", Pin: "version 1", Priority: 1}} }},
		{"trim", func(s *nfsroot.Spec) { s.Trim.HWDB = !s.Trim.HWDB }},
		{"mask", func(s *nfsroot.Spec) { s.Mask = nil }},
		{"kernel", func(s *nfsroot.Spec) { s.Kernel = &nfsroot.Kernel{Package: "linux-image-arm64"} }},
		{"modules", func(s *nfsroot.Spec) {
			s.Kernel = &nfsroot.Kernel{Package: "linux-image-arm64", Modules: []string{"nfs"}}
		}},
		{"date", func(s *nfsroot.Spec) { s.SourceDate = time.Unix(1, 0) }},
		{"no files", func(s *nfsroot.Spec) { s.Files = nil }},
		{"content", file(&fstest.MapFile{Data: []byte("hallo\n"), Mode: 0o644}, "etc/motd")},
		{"mode", file(&fstest.MapFile{Data: []byte("hello\n"), Mode: 0o755}, "etc/motd")},
		{"name", file(&fstest.MapFile{Data: []byte("hello\n"), Mode: 0o644}, "etc/issue")},
		{"link", file(&fstest.MapFile{Data: []byte("a"), Mode: 0o777 | fs.ModeSymlink}, "etc/motd")},
		{"other link", file(&fstest.MapFile{Data: []byte("b"), Mode: 0o777 | fs.ModeSymlink}, "etc/motd")},
	} {
		s := base()
		tt.change(&s)
		h, err := s.Hash()
		require.NoError(t, err, tt.name)
		require.Len(t, h, 64)
		require.NotContains(t, seen, h, "%s hashes as %s", tt.name, seen[h])
		seen[h] = tt.name

		again := base()
		tt.change(&again)
		h2, err := again.Hash()
		require.NoError(t, err)
		require.Equal(t, h, h2, tt.name)
	}
}

func TestHashRefusesSpecialFiles(t *testing.T) {
	s := nfsroot.Minimal("bookworm", nfsroot.AMD64)
	s.Files = fstest.MapFS{"dev/null": {Mode: fs.ModeDevice | fs.ModeCharDevice}}
	_, err := s.Hash()
	require.ErrorContains(t, err, "dev/null")
}

func TestHashOfFilesOnDisk(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Symlink("nowhere", dir+"/link"))
	s := nfsroot.Minimal("bookworm", nfsroot.AMD64)
	s.Files = os.DirFS(dir)
	_, err := s.Hash()
	require.NoError(t, err)
}

func TestSourcesList(t *testing.T) {
	s := nfsroot.Spec{
		Suite: "trixie", Arch: nfsroot.ARM64,
		Mirrors: []nfsroot.Mirror{
			{URL: "https://a.example/debian"},
			{URL: "https://b.example/", Suite: "stable", Components: []string{"main", "extra"}, Keyring: "/srv/keys/b.gpg"},
		},
	}
	require.Equal(t, `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] https://a.example/debian trixie main
deb [signed-by=/srv/keys/b.gpg] https://b.example/ stable main extra
`, s.SourcesList(""))
	require.Contains(t, s.SourcesList("/etc/apt/keyrings"), "[signed-by=/etc/apt/keyrings/b.gpg] https://b.example/")

	s.Pins = []nfsroot.Pin{{Package: "*", Pin: "release n=trixie-backports", Priority: 100}}
	require.Equal(t, "Package: *\nPin: release n=trixie-backports\nPin-Priority: 100\n\n", s.Preferences())
}

func TestDate(t *testing.T) {
	now := time.Date(2026, 11, 26, 13, 14, 15, 16, time.UTC)
	day := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	var s nfsroot.Spec
	require.Equal(t, day, s.Date(now))
	s.Snapshot = day.Add(-time.Hour)
	require.Equal(t, s.Snapshot, s.Date(now))
	s.SourceDate = day.Add(time.Hour + time.Millisecond)
	require.Equal(t, day.Add(time.Hour), s.Date(now))
}
