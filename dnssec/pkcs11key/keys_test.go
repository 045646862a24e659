package pkcs11key_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/pkcs11"
	"github.com/mythic-beasts/hostkit/dnssec/pkcs11key"
)

// signerStore is dnssec.SignerStore.
type signerStore interface {
	Generate(ctx context.Context, label string, algorithm uint8, bits int) (crypto.Signer, error)
	Find(ctx context.Context, label string) (crypto.Signer, error)
	List(ctx context.Context, prefix string) ([]string, error)
	Remove(ctx context.Context, label string) error
}

var _ signerStore = (*pkcs11key.Store)(nil)

// check signs and has the standard library verify.
func check(key crypto.Signer, message []byte) error {
	digest, hash := sha256.Sum256(message), crypto.SHA256
	input := digest[:]
	var good func(sig []byte) bool
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		good = func(sig []byte) bool { return rsa.VerifyPKCS1v15(public, hash, input, sig) == nil }
	case *ecdsa.PublicKey:
		if public.Curve.Params().BitSize == 384 {
			wide := sha512.Sum384(message)
			input, hash = wide[:], crypto.SHA384
		}
		good = func(sig []byte) bool { return ecdsa.VerifyASN1(public, input, sig) }
	case ed25519.PublicKey:
		input, hash = message, 0
		good = func(sig []byte) bool { return ed25519.Verify(public, message, sig) }
	default:
		return fmt.Errorf("a key of type %T", public)
	}
	sig, err := key.Sign(rand.Reader, input, hash)
	if err != nil {
		return err
	}
	if !good(sig) {
		return errors.New("the signature is wrong")
	}
	return nil
}

var algorithms = map[string]uint8{"RSA": 8, "P-256": 13, "P-384": 14, "Ed25519": 15}

func TestAlgorithms(t *testing.T) {
	o, _ := token(t)
	s := open(t, o)
	for name, algorithm := range algorithms {
		t.Run(name, func(t *testing.T) {
			label := "Kexample.+" + name
			made, err := s.Generate(t.Context(), label, algorithm, 2048)
			must(t, err)
			must(t, check(made, []byte("a message")))
			found, err := s.Find(t.Context(), label)
			must(t, err)
			if !found.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(made.Public()) {
				t.Error("the key that is found is another")
			}
			must(t, check(found, []byte("another message")))
			if _, err := s.Generate(t.Context(), label, algorithm, 2048); !errors.Is(err, fs.ErrExist) {
				t.Errorf("a label that is taken: %v", err)
			}
			must(t, s.Remove(t.Context(), label))
			must(t, s.Remove(t.Context(), label))
			if _, err := s.Find(t.Context(), label); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a key that was removed: %v", err)
			}
			if err := check(made, nil); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("sign by a key that was removed: %v", err)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	o, _ := token(t)
	s := open(t, o)
	for _, tt := range []struct {
		label     string
		algorithm uint8
		bits      int
	}{{"k", 8, 1024}, {"k", 8, 8192}, {"k", 5, 2048}, {"", 13, 0}} {
		if _, err := s.Generate(t.Context(), tt.label, tt.algorithm, tt.bits); err == nil {
			t.Errorf("%+v is not refused", tt)
		}
	}
	key, err := s.Generate(t.Context(), "k", 8, 2048)
	must(t, err)
	for _, opts := range []crypto.SignerOpts{crypto.SHA1, crypto.Hash(0), crypto.SHA512, &rsa.PSSOptions{Hash: crypto.SHA256}} {
		if _, err := key.Sign(rand.Reader, make([]byte, 32), opts); err == nil {
			t.Errorf("%T %v is not refused", opts, opts)
		}
	}
}

func TestList(t *testing.T) {
	o, _ := token(t)
	s := open(t, o)
	for _, label := range []string{"Ka.+1", "Ka.+2", "Kab.+1", "Kb.+1"} {
		_, err := s.Generate(t.Context(), label, 13, 0)
		must(t, err)
	}
	for prefix, want := range map[string][]string{"Ka.+": {"Ka.+1", "Ka.+2"}, "Kb": {"Kb.+1"}, "Kc": nil} {
		labels, err := s.List(t.Context(), prefix)
		must(t, err)
		slices.Sort(labels)
		if !slices.Equal(labels, want) {
			t.Errorf("list %q: %q, want %q", prefix, labels, want)
		}
	}
}

// What is made in the token stays there: its private part cannot be read, and another
// process finds it.
func TestKept(t *testing.T) {
	o, _ := token(t)
	s := open(t, o)
	_, err := s.Generate(t.Context(), "stays", 13, 0)
	must(t, err)
	out, err := exec.Command(look(t, "pkcs11-tool"), "--module", library, "--token-label", "dnssec", "--login", "--pin", pin, "--list-objects").CombinedOutput()
	must(t, err)
	for _, want := range []string{"Private Key Object", "Public Key Object", "stays", "sensitive", "never extractable"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("pkcs11-tool does not show %q:\n%s", want, out)
		}
	}
	must(t, s.Close())
	must(t, s.Close())
	if _, err := s.Find(t.Context(), "stays"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a closed store: %v", err)
	}
	key, err := open(t, o).Find(t.Context(), "stays")
	must(t, err)
	must(t, check(key, nil))
}

func TestManySignAtOnce(t *testing.T) {
	o, _ := token(t)
	o.Sessions = 3
	s := open(t, o)
	key, err := s.Generate(t.Context(), "k", 13, 0)
	must(t, err)
	errs := make(chan error, 16)
	var wg sync.WaitGroup
	for n := range cap(errs) {
		wg.Go(func() {
			for i := range 20 {
				if err := check(key, fmt.Append(nil, n, i)); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
}

// The sessions are closed behind the store's back, while it signs.
func TestLostSessions(t *testing.T) {
	o, _ := token(t)
	s := open(t, o)
	key, err := s.Generate(t.Context(), "k", 13, 0)
	must(t, err)
	other := pkcs11.New(library) // the same library: it is loaded once
	defer other.Destroy()
	slots, err := other.GetSlotList(true)
	must(t, err)
	done := make(chan error)
	go func() {
		for i := range 50 {
			if err := check(key, fmt.Append(nil, i)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range 5 {
		_ = other.CloseAllSessions(slots[0])
	}
	must(t, <-done)
	must(t, other.Finalize())
	must(t, check(key, nil))
}

// The token goes away, and comes back.
func TestLostToken(t *testing.T) {
	o, tokens := token(t)
	s := open(t, o)
	key, err := s.Generate(t.Context(), "k", 13, 0)
	must(t, err)
	other := pkcs11.New(library)
	defer other.Destroy()
	must(t, os.Rename(tokens, tokens+".away"))
	must(t, os.Mkdir(tokens, 0o700))
	must(t, other.Finalize())
	for range 2 {
		if err := check(key, nil); !errors.Is(err, pkcs11key.ErrToken) {
			t.Errorf("without a token: %v", err)
		}
	}
	must(t, os.Remove(tokens))
	must(t, os.Rename(tokens+".away", tokens))
	must(t, check(key, nil))
}

// A wrong PIN is tried once, and is not told.
func TestPIN(t *testing.T) {
	o, _ := token(t)
	s := open(t, o)
	key, err := s.Generate(t.Context(), "k", 13, 0)
	must(t, err)
	other := pkcs11.New(library)
	defer other.Destroy()
	const wrong = "66666666"
	must(t, os.WriteFile(o.PINFile, []byte(wrong), 0o600))
	must(t, other.Finalize())
	for range 20 { // many more than tokens allow
		err := check(key, nil)
		if !errors.Is(err, pkcs11key.ErrPIN) || strings.Contains(err.Error(), wrong) {
			t.Fatalf("a wrong PIN: %v", err)
		}
	}
	if strings.Contains(fmt.Sprintf("%+v %#v", o, o), wrong) {
		t.Error("options tell the PIN")
	}
	must(t, os.WriteFile(o.PINFile, []byte(pin+"\n"), 0o600))
	must(t, check(key, nil))
	must(t, os.Chmod(o.PINFile, 0o640))
	must(t, other.Finalize())
	if err := check(key, nil); err == nil || !strings.Contains(err.Error(), "chmod") {
		t.Errorf("a PIN that others may read: %v", err)
	}
	must(t, os.Chmod(o.PINFile, 0o600))
}

func TestOpenRefuses(t *testing.T) {
	o, _ := token(t)
	for name, change := range map[string]func(*pkcs11key.Options){
		"library": func(o *pkcs11key.Options) { o.Module = o.PINFile },
		"token":   func(o *pkcs11key.Options) { o.Token = "other" },
		"PIN":     func(o *pkcs11key.Options) { o.PINFile += "x" },
	} {
		bad := o
		change(&bad)
		if _, err := pkcs11key.Open(bad); err == nil {
			t.Errorf("another %s is not refused", name)
		}
	}
	_, err := open(t, o).Find(t.Context(), "none")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(t, o).List(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: %v", err)
	}
}
