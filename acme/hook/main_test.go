package hook_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/hook"
	"github.com/mythic-beasts/hostkit/acme/mythic"
)

// settingsVariable makes the test binary a hook for a real client, as a small program
// of a user's is. It has the path of the settings.
const settingsVariable = "HOSTKIT_HOOK_SETTINGS"

// settings are where the program's DNS service is, and what calls it.
type settings struct {
	Client     string // "dehydrated", "certbot", "lego" or "run-parts"
	Phase      string // of certbot
	API, Login string
	Roots      string // of the API
	State      string
	Deployed   string // file that gets the deployment
}

func TestMain(m *testing.M) {
	path := os.Getenv(settingsVariable)
	if path == "" {
		os.Exit(m.Run())
	}
	if err := program(path, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func program(path string, args []string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var s settings
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	h, err := s.hook()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	switch s.Client {
	case "dehydrated":
		return h.Dehydrated(ctx, args)
	case "certbot":
		return h.Certbot(ctx, s.Phase, os.Getenv)
	case "lego":
		return h.LegoExec(ctx, args)
	case "run-parts":
		return h.RunParts(ctx, filepath.Base(filepath.Dir(args[0])), os.Getenv)
	}
	return errors.New("no such client")
}

func (s settings) hook() (*hook.Hook, error) {
	text, err := os.ReadFile(s.Roots)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, errors.New("no roots")
	}
	api := &mythic.V2{
		KeyID: acmetest.MythicKeyID, Secret: acmetest.MythicSecret, API: s.API, Login: s.Login,
		HTTP: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}},
	}
	return &hook.Hook{
		Solver: &dns01.Solver{Provider: api, Verifier: api, FirstPoll: 20 * time.Millisecond, MaxPoll: 200 * time.Millisecond},
		State:  s.State,
		Deploy: func(_ context.Context, d hook.Deployment) error {
			text, err := json.Marshal(d)
			if err != nil {
				return err
			}
			return os.WriteFile(s.Deployed, text, 0o600)
		},
	}, nil
}
