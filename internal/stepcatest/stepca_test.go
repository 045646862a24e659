package stepcatest_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/stepcatest"
	"github.com/stretchr/testify/require"
)

// Two run beside each other, and offer what RFC 8555 wants of a directory.
func TestNew(t *testing.T) {
	urls := map[string]bool{}
	for range 2 {
		ca := stepcatest.New(t, stepcatest.Options{})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ca.URL(), nil)
		require.NoError(t, err)
		resp, err := ca.HTTPClient().Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		var directory struct{ NewNonce, NewAccount, NewOrder, RevokeCert, KeyChange string }
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&directory))
		for _, u := range []string{directory.NewNonce, directory.NewAccount, directory.NewOrder, directory.RevokeCert, directory.KeyChange} {
			require.Contains(t, u, "https://127.0.0.1:")
			require.False(t, urls[u])
			urls[u] = true
		}
		require.True(t, ca.Root().IsCA)
	}
}
