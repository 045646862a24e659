package acme_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/stretchr/testify/require"
)

// Case R8: what is odd about an answer and yet allowed changes nothing. The answers are
// those of a whole authority, with one thing changed.
func TestOddAnswers(t *testing.T) {
	type object = map[string]any
	challengesOf := func(o object) []any { return o["challenges"].([]any) }
	for name, tt := range map[string]struct {
		resource string
		change   func(object)
	}{
		"unknown fields":      {acmetest.CANewOrder, func(o object) { o["more"] = []int{1}; o["expires"] = nil; o["notBefore"] = "" }},
		"names in upper case": {acmetest.CANewOrder, func(o object) { o["identifiers"].([]any)[0].(object)["value"] = "B.EXAMPLE" }},
		"a name twice":        {acmetest.CANewOrder, func(o object) { i := o["identifiers"].([]any); o["identifiers"] = append(i, i[0]) }},
		"proof in upper case": {acmetest.CAAuthz, func(o object) { i := o["identifier"].(object); i["value"] = strings.ToUpper(i["value"].(string)) }},
		"a star in the proof": {acmetest.CAAuthz, addStar},
		"challenges reversed": {acmetest.CAAuthz, func(o object) { c := challengesOf(o); c[0], c[len(c)-1] = c[len(c)-1], c[0] }},
		"unknown challenges": {acmetest.CAAuthz, func(o object) {
			o["challenges"] = append([]any{1, "x", nil, object{"type": 7}, object{}}, challengesOf(o)...)
		}},
		"tokens of elsewhere":  {acmetest.CAAuthz, func(o object) { challengesOf(o)[0].(object)["token"] = object{"a": 1} }},
		"no state of a proof":  {acmetest.CAChallenge, func(o object) { delete(o, "status") }},
		"an error on the way":  {acmetest.CAChallenge, func(o object) { o["status"] = "processing"; o["error"] = object{"detail": "not yet"} }},
		"no URL to finalize":   {acmetest.CAOrder, func(o object) { delete(o, "finalize") }},
		"a forgotten sequence": {acmetest.CAOrder, func(o object) { delete(o, "identifiers"); delete(o, "authorizations") }},
	} {
		t.Run(name, func(t *testing.T) {
			z := new(zone)
			ca := acmetest.NewCA(t, acmetest.CAOptions{InMemory: true, TXT: z.TXT, SlowIssuing: 2})
			c := client(t, ca)
			c.HTTP = &http.Client{Transport: changed{c.HTTP.Transport, func(r *http.Response, body []byte) []byte {
				var o object
				if !strings.HasPrefix(r.Request.URL.Path, "/"+tt.resource) || json.Unmarshal(body, &o) != nil {
					return body
				}
				tt.change(o)
				text, err := json.Marshal(o)
				require.NoError(t, err)
				return text
			}}}
			c.Poll.First = 1
			_, err := c.Obtain(t.Context(), acme.Request{Names: []string{"a.example", "*.b.example", "b.example"}}, z)
			require.NoError(t, err)
			z.requireClean(t)
		})
	}
}

// addStar gives the name of a wildcard as it was ordered.
func addStar(o map[string]any) {
	if id := o["identifier"].(map[string]any); o["wildcard"] == true {
		id["value"] = "*." + id["value"].(string)
		delete(o, "wildcard")
	}
}

// changed is a transport that changes the answers.
type changed struct {
	next   http.RoundTripper
	change func(r *http.Response, body []byte) []byte
}

func (c changed) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		return nil, err
	}
	resp.Request = r
	_, _ = w.Write(c.change(resp, body.Bytes()))
	return w.Result(), nil
}

// Case R14: whatever the length of an answer, a little is read and less is repeated.
func TestHugeAnswers(t *testing.T) {
	packed := new(bytes.Buffer)
	z := gzip.NewWriter(packed)
	_, err := z.Write(bytes.Repeat([]byte(" "), 64<<20))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	answers := map[string]http.HandlerFunc{
		"long": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), 2<<20)) },
		"a long refusal": func(w http.ResponseWriter, _ *http.Request) {
			acmetest.WriteProblem(w, 400, "malformed", strings.Repeat("x", 2<<20))
		},
		"packed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
		},
		"packed refusal": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write(packed.Bytes())
		},
	}
	for name, answer := range answers {
		for _, resource := range []string{
			acmetest.CADirectory, acmetest.CANewAccount, acmetest.CANewOrder, acmetest.CAAuthz,
			acmetest.CAChallenge, acmetest.CAFinalize, acmetest.CACertificate,
		} {
			t.Run(name+" "+resource, func(t *testing.T) {
				err := obtain(t, client(t, intercepted(t, resource, answer)))
				require.Error(t, err)
				require.Less(t, len(err.Error()), 4000)
			})
		}
	}
}

// endless is a body, and how much of it was read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	if e.read > 16<<20 {
		return 0, io.EOF
	}
	return len(p), nil
}

func (e *endless) Close() error { return nil }

// RoundTrip answers with it.
func (e *endless) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: e}, nil
}

func TestEndlessAnswer(t *testing.T) {
	var e endless
	c := client(t, acmetest.NewCA(t, acmetest.CAOptions{}))
	c.HTTP = &http.Client{Transport: &e}
	_, err := c.Register(t.Context())
	require.ErrorContains(t, err, "is longer than 1048576 octets")
	require.Less(t, e.read, 3<<20)
}

// Nothing of an answer leads to a request that is not by https.
func TestRedirectToPlainHTTP(t *testing.T) {
	for _, resource := range []string{acmetest.CADirectory, acmetest.CANewNonce, acmetest.CANewOrder} {
		ca := intercepted(t, resource, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+r.URL.Path, http.StatusTemporaryRedirect)
		})
		require.ErrorContains(t, obtain(t, client(t, ca)), "redirected")
	}
	for resource, text := range map[string]string{
		acmetest.CANewOrder: `{"status":"pending","identifiers":[{"type":"dns","value":"a.example"}],"authorizations":["http://ca.example/a"]}`,
		acmetest.CAAuthz:    `{"status":"pending","identifier":{"type":"dns","value":"a.example"},"challenges":[{"type":"dns-01","status":"pending","token":"t","url":"http://ca.example/c"}]}`,
		acmetest.CAFinalize: `{"status":"valid","certificate":"http://ca.example/c"}`,
	} {
		ca := intercepted(t, resource, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://ca.example/o")
			_, _ = w.Write([]byte(text))
		})
		require.ErrorContains(t, obtain(t, client(t, ca)), "is not an https URL", resource)
	}
}

// Logs at their most talkative have no secret either.
func TestSecretsAreNotLogged(t *testing.T) {
	secret := []byte("an external account's secret")
	ca := acmetest.NewCA(t, acmetest.CAOptions{EAB: map[string][]byte{"kid-1": secret}, BadNonces: 30, Faults: 10})
	c := client(t, ca)
	var log strings.Builder
	c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.EAB = &acme.EAB{KeyID: "kid-1", HMAC: secret}
	cert, err := c.Obtain(t.Context(), acme.Request{Names: []string{"a.example"}}, new(zone))
	require.NoError(t, err)
	accountKey, err := acme.MarshalKey(c.Key)
	require.NoError(t, err)
	require.Contains(t, log.String(), "acme request")
	_, _ = fmt.Fprintf(&log, "%v %+v", cert, c.EAB)
	for _, text := range []string{string(secret), strings.Split(string(accountKey), "\n")[1], strings.Split(string(cert.KeyPEM), "\n")[1], "PRIVATE"} {
		require.NotContains(t, log.String(), text)
	}
}
