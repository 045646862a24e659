package webpeer

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// Apache starts Apache. Each listener answers 204; the access log begins with
// the client's address and port, as mod_remoteip has it, and goes on in the
// common format. The error log is of level info.
func Apache(t testing.TB) *Server {
	t.Helper()
	peer.Look(t, "apache2")
	dir := folder(t)
	s := &Server{Program: "Apache", Listeners: four(t), files: []string{filepath.Join(dir, "access.log"), filepath.Join(dir, "error.log")}}
	var config strings.Builder
	for _, l := range s.Listeners {
		fmt.Fprintf(&config, "Listen %v http\n<VirtualHost %v>\nServerName localhost\n", l.Addr, l.Addr)
		if l.TLS {
			config.WriteString("SSLEngine on\nSSLCertificateFile DIR/cert.pem\nSSLCertificateKeyFile DIR/key.pem\n")
		}
		if l.Proxy {
			config.WriteString("RemoteIPProxyProtocol On\n")
		}
		config.WriteString("</VirtualHost>\n")
	}
	write(t, filepath.Join(dir, "httpd.conf"), strings.ReplaceAll(apacheHead+config.String(), "DIR", dir))
	s.start(t, "apache2", "-DFOREGROUND", "-d", dir, "-f", "httpd.conf")
	return s
}

const apacheHead = `
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
LoadModule remoteip_module /usr/lib/apache2/modules/mod_remoteip.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
User www-data
Group www-data
PidFile DIR/pid
Mutex posixsem
StartServers 1
ServerName localhost
ErrorLog DIR/error.log
LogLevel info
LogFormat "%a %{remote}p %l %u %t \"%r\" %>s %b" common
CustomLog DIR/access.log common
DocumentRoot DIR
Redirect 204 /
`
