package hook_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/hook"
)

var (
	goodName  = regexp.MustCompile(`^_acme-challenge\.([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*example\.com\.$`)
	goodValue = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
)

// strict is a DNS service that fails the test if it is asked for what no user may have.
type strict struct{ t *testing.T }

func (s strict) AddTXT(_ context.Context, records ...dns01.TXT) error {
	for _, r := range records {
		if !goodName.MatchString(r.Name) || !goodValue.MatchString(r.Value) {
			s.t.Errorf("%q has %q", r.Name, r.Value)
		}
	}
	return nil
}

func (s strict) DeleteTXT(ctx context.Context, records ...dns01.TXT) error {
	return s.AddTXT(ctx, records...)
}

func (strict) ZoneOf(context.Context, string) (string, error) { return "example.com.", nil }

func (strict) Visible(context.Context, dns01.TXT) (bool, error) { return true, nil }

// FuzzHTTPReq posts any body.
func FuzzHTTPReq(f *testing.F) {
	f.Add("present", `{"fqdn":"_acme-challenge.example.com.","value":"`+dashed()+`"}`)
	f.Add("cleanup", `{"domain":"*.Example.com","token":"t","keyAuth":"t.`+text("key")+`"}`)
	f.Add("present", `{"fqdn":"_acme-challenge...example.com.","value":"`+dashed()+`"}`)
	f.Add("present", `{"fqdn":"_acme-challenge.`+strings.Repeat("a.", 120)+`example.com.","value":"`+dashed()+`"}`)
	f.Fuzz(func(t *testing.T, action, body string) {
		h := &hook.Hook{Solver: &dns01.Solver{Provider: strict{t}, Verifier: strict{t}}}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.URL.Path = "/" + action
		r.SetBasicAuth("u", "p")
		w := httptest.NewRecorder()
		h.HTTPReq(hook.Password("u", "p", "example.com")).ServeHTTP(w, r)
		if w.Code == http.StatusBadGateway {
			t.Errorf("the solver refuses what the hook takes: %q", body)
		}
	})
}

// FuzzDehydrated has any words of a challenge.
func FuzzDehydrated(f *testing.F) {
	f.Add("deploy_challenge", "example.com", dashed())
	f.Add("clean_challenge", "*.www.example.com", text("x"))
	f.Add("deploy_challenge", "../x.example.com", text("x"))
	f.Fuzz(func(t *testing.T, name, domain, value string) {
		if !strings.HasSuffix(strings.ToLower(strings.TrimSuffix(domain, ".")), "example.com") {
			domain += ".example.com"
		}
		h := &hook.Hook{Solver: &dns01.Solver{Provider: strict{t}, Verifier: strict{t}}}
		if strings.HasSuffix(name, "_cert") {
			return // files
		}
		_ = h.Dehydrated(t.Context(), []string{name, domain, "token", value})
	})
}
