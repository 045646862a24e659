package main

import (
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// mirror serves files of an archive, which it fetches once.
type mirror struct{ upstream, dir string }

func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := filepath.Join(m.dir, filepath.FromSlash(path.Clean("/"+r.URL.Path)))
	if _, err := os.Stat(name); err != nil {
		if code := m.fetch(r, name); code != http.StatusOK {
			w.WriteHeader(code)
			return
		}
	}
	http.ServeFile(w, r, name)
}

// fetch brings a file here, and returns an HTTP status.
func (m *mirror) fetch(r *http.Request, name string) int {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, strings.TrimSuffix(m.upstream, "/")+r.URL.Path, nil)
	if err != nil {
		return http.StatusBadRequest
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return http.StatusBadGateway
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return http.StatusInternalServerError
	}
	temp, err := os.CreateTemp(filepath.Dir(name), ".fetch-")
	if err != nil {
		return http.StatusInternalServerError
	}
	defer os.Remove(temp.Name())
	_, err = io.Copy(temp, resp.Body)
	if closed := temp.Close(); err != nil || closed != nil || os.Rename(temp.Name(), name) != nil {
		return http.StatusBadGateway
	}
	return http.StatusOK
}
