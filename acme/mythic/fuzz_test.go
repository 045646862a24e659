package mythic_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/mythic"
)

// A token is one that fits into a header, for a time that makes sense.
func FuzzToken(f *testing.F) {
	f.Add([]byte(`{"access_token":"4kwi","expires_in":300,"token_type":"bearer"}`))
	f.Add([]byte(`{"access_token":"4kwi","expires_in":1e300,"token_type":"BEARER"}`))
	f.Add([]byte(`{"access_token":"a\nb","expires_in":-1,"token_type":"bearer"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		token, life, err := mythic.ParseToken(body)
		if err != nil {
			require.Empty(t, token)
			return
		}
		require.NotEmpty(t, token)
		require.LessOrEqual(t, life, time.Hour)
		require.GreaterOrEqual(t, life, time.Duration(0))
		for _, b := range []byte(token) {
			require.True(t, b > ' ' && b <= '~')
		}
	})
}

// Whatever a server sends, an error is one line of a bounded length, and has no secret.
func FuzzError(f *testing.F) {
	f.Add([]byte(`{"errors":["Received 0 record(s), expected 1 from ns1.mythic-beasts.com."]}`), http.StatusConflict)
	f.Add([]byte(`{"error":"Access denied"}`), http.StatusForbidden)
	f.Add([]byte("<html>\x00"), http.StatusNotFound)
	f.Add([]byte("NADD \x1b[2J Zs3cr3tZ; no"), 200)
	const secret = "Zs3cr3tZ" // no part of an escape sequence
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		err := mythic.Refusal("do something", status, body, secret)
		text := err.Error()
		require.Less(t, len(text), 16<<10)
		require.NotContains(t, text, secret)
		for _, b := range []byte(text) {
			require.True(t, b >= ' ' && b != 0x7f)
		}
		_, parseErr := mythic.ParseAnswer(body)
		_ = parseErr
	})
}

// A record in the API's words is found in them.
func FuzzDuplicates(f *testing.F) {
	f.Add("_acme-challenge.noop", "challengetoken", []byte(`{"errors":["Duplicate record"]}`))
	f.Add("@", "v=spf1 -all", []byte(`{"errors":["Duplicate record 'a 1 TXT \"b\"'","x"]}`))
	f.Fuzz(func(t *testing.T, host, value string, body []byte) {
		hosts, values, only := mythic.ParseDuplicates(body)
		require.Equal(t, len(hosts), len(values))
		require.True(t, only || len(hosts) == 0)
		if !plainWord(host) || !plainWord(strings.ReplaceAll(value, " ", "")) || strings.TrimSpace(value) != value {
			return
		}
		said := acmetest.MythicRecord{Host: strings.ToLower(host), TTL: 120, Type: "TXT", Data: value}
		body, err := json.Marshal(map[string][]string{"errors": {fmt.Sprintf("Duplicate record '%s'", said)}})
		require.NoError(t, err)
		hosts, values, only = mythic.ParseDuplicates(body)
		require.True(t, only)
		require.Equal(t, []string{said.Host}, hosts)
		require.Equal(t, []string{value}, values)
	})
}

// plainWord is of the characters of names and of challenge values.
func plainWord(s string) bool {
	for _, r := range s {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.=", r) {
			return false
		}
	}
	return s != ""
}

// A record in a list is found, whatever stands around it; a confirmation is never both
// one and a refusal.
func FuzzV1Replies(f *testing.F) {
	f.Add("ADD www 86400 A 93.93.130.49\nNADD www 86400 A 93.93.130.49; Can't have multiple identical records\n", "_acme-challenge", "v")
	f.Add("@ 300 TXT \"a\" \"b\\\"\"\n\x00", "_acme-challenge.www", "a b")
	f.Fuzz(func(t *testing.T, text, host, value string) {
		done, refused := mythic.ParseCommands(text, "ADD")
		require.LessOrEqual(t, done+len(refused), 1+strings.Count(text, "\n"))
		for _, line := range refused {
			require.True(t, strings.HasPrefix(line, "NADD"))
		}
		if !plainWord(host) || strings.HasSuffix(host, ".") || !plainWord(strings.ReplaceAll(value, " ", "")) {
			return
		}
		said := acmetest.MythicRecord{Host: host, TTL: 77, Type: "TXT", Data: value}
		hosts, values, ttls := mythic.ParseList(text+"\n"+said.String()+"\n", "example.com")
		last := len(hosts) - 1
		require.GreaterOrEqual(t, last, 0)
		require.Equal(t, strings.ToLower(host), hosts[last])
		require.Equal(t, value, values[last])
		require.Equal(t, 77*time.Second, ttls[last])
	})
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("Fri, 31 Dec 1999 23:59:59 GMT")
	f.Add("-1")
	now := time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, header string) {
		require.GreaterOrEqual(t, mythic.RetryAfter(header, now), time.Duration(0))
	})
}
