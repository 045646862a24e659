package pkcs11key_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mythic-beasts/hostkit/dnssec/pkcs11key"
)

const (
	library = "/usr/lib/softhsm/libsofthsm2.so"
	pin     = "83106249"
)

// look skips the test without a program or file, unless nothing may be skipped.
func look(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if _, err = os.Stat(name); err == nil {
			path = name
		}
	}
	if err == nil {
		return path
	}
	if os.Getenv("HOSTKIT_REQUIRE_E2E") == "1" {
		t.Fatalf("needs %s: %v", name, err)
	}
	t.Skipf("needs %s: %v", name, err)
	return ""
}

// token makes one of SoftHSM and returns what opens it, and the folder it is in.
func token(t *testing.T) (pkcs11key.Options, string) {
	t.Helper()
	look(t, library)
	util := look(t, "softhsm2-util")
	dir := t.TempDir()
	tokens, conf := filepath.Join(dir, "tokens"), filepath.Join(dir, "softhsm2.conf")
	must(t, os.Mkdir(tokens, 0o700))
	must(t, os.WriteFile(conf, fmt.Appendf(nil, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", tokens), 0o600))
	t.Setenv("SOFTHSM2_CONF", conf)
	out, err := exec.Command(util, "--init-token", "--free", "--label", "dnssec", "--pin", pin, "--so-pin", "12345678").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	file := filepath.Join(dir, "pin")
	must(t, os.WriteFile(file, []byte(pin+"\n"), 0o600))
	return pkcs11key.Options{Module: library, Token: "dnssec", PINFile: file}, tokens
}

func open(t *testing.T, o pkcs11key.Options) *pkcs11key.Store {
	t.Helper()
	s, err := pkcs11key.Open(o)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
