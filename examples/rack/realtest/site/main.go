// Site is a customer's web server, as small as can be: one page, by TLS, behind
// proxies that say by the PROXY protocol who their client is.
//
//	site -dir /srv/site -proxies 2001:db8:0:84::1/128
//
// The folder has the page's text in "page", the certificate's chain in
// "tls/chain.pem" and its key in "tls/key.pem". All are read anew for each
// connection, so that a certificate that was renewed needs no restart.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

func main() {
	listen := flag.String("listen", "[::]:443", "`address` to listen on")
	var s site
	flag.StringVar(&s.dir, "dir", "/srv/site", "`folder` of the page and the certificate")
	var proxies netip.Prefix
	flag.TextVar(&proxies, "proxies", netip.Prefix{}, "`network` of the proxies")
	flag.Parse()
	l, err := net.Listen("tcp6", *listen)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(s.serve(&proxyheader.Listener{Listener: l, Trusted: []netip.Prefix{proxies}}))
}

// site is what is in a folder.
type site struct{ dir string }

// serve answers those that come in by the listener.
func (s site) serve(l net.Listener) error {
	server := &http.Server{
		Handler:           s,
		TLSConfig:         &tls.Config{GetCertificate: s.certificate},
		ReadHeaderTimeout: 10 * time.Second,
	}
	return server.ServeTLS(l, "", "")
}

func (s site) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

func (s site) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(s.path("tls/chain.pem"), s.path("tls/key.pem"))
	if err != nil {
		return nil, fmt.Errorf("certificate of %s: %w", s.dir, err)
	}
	return &cert, nil
}

// ServeHTTP tells who serves what to whom.
func (s site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := os.ReadFile(s.path("page"))
	if err != nil {
		http.Error(w, "no page", http.StatusInternalServerError)
		return
	}
	name, err := os.Hostname()
	if err != nil {
		http.Error(w, "no name", http.StatusInternalServerError)
		return
	}
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		http.Error(w, "no mounts", http.StatusInternalServerError)
		return
	}
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		client = r.RemoteAddr
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "%s\nserver %s, on %s\nclient %s\n", text, name, rootType(mounts), client)
}

// rootType is the kind of file system that the root is on, according to a
// /proc/mounts. The last to be mounted is the one that is seen.
func rootType(mounts []byte) string {
	kind := "nothing"
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[1] == "/" {
			kind = f[2]
		}
	}
	return kind
}
