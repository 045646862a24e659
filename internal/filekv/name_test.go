package filekv_test

import (
	"path"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/filekv"
	"github.com/mythic-beasts/hostkit/internal/kv"
	"github.com/stretchr/testify/require"
)

func TestFileName(t *testing.T) {
	x := strings.Repeat("x", 500)
	for key, want := range map[string]string{
		"a":                "a.kv",
		"zone/example.com": "zone/example.com.kv",
		"a.kv/b":           "a%2ekv/b.kv",
		"..":               "%2e..kv",
		"../x":             "%2e./x.kv",
		"":                 "%.kv",
		"/a//":             "%/a/%/%.kv",
		"A%b":              "%41%25b.kv",
		".store/floor":     "%2estore/floor.kv",
		x:                  x[:198] + "%+/" + x[:198] + "%+/" + x[:104] + ".kv",
	} {
		require.Equal(t, want, filekv.FileName(key), "%q", key)
	}
}

// FuzzFileName holds names to what the filesystem needs: inside the folder, not hidden,
// short, of few signs, and no two keys have the same.
func FuzzFileName(f *testing.F) {
	for _, key := range []string{"a", "a/../b", ".", "...", "A.KV", "a.kv/b", "/", "ü", "%41", "%+", "\xff", strings.Repeat("x", 199) + ".."} {
		f.Add(key, key+"/")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if kv.CheckKey(a) != nil || kv.CheckKey(b) != nil {
			return
		}
		name := filekv.FileName(a)
		require.Equal(t, name, path.Clean(name))
		require.Empty(t, strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_+=,@~%/"))
		for part := range strings.SplitSeq(name, "/") {
			require.NotEmpty(t, part)
			require.NotEqual(t, byte('.'), part[0])
			require.LessOrEqual(t, len(part), 210)
		}
		require.Equal(t, a == b, name == filekv.FileName(b))
		require.False(t, strings.HasPrefix(filekv.FileName(b), name+"/"), "a file is a folder")
		back, ok := filekv.KeyOf(name)
		require.True(t, ok)
		require.Equal(t, a, back)
	})
}

// Files that the store did not name are none of its business.
func TestKeyOfForeignNames(t *testing.T) {
	for _, name := range []string{"a", "a.kv~", ".kv", ".a.kv", "A.kv", "%.kv", "%2.kv", "%2g.kv", "%61.kv", "a b.kv", "a.kv/b.kv", "x%+.kv", "%+/a.kv"} {
		key, ok := filekv.KeyOf(name)
		require.False(t, ok, "%q is key %q", name, key)
	}
}
