package archtest

// House is the policy of this repository. A new line here is a new dependency
// for everybody who imports the package: say in the commit what it costs.
func House() Policy {
	return Policy{
		Allow: map[string][]string{
			"acme":   {"github.com/go-acme/lego/v4", "github.com/miekg/dns", "golang.org/x/net/idna"},
			"dnssec": {"github.com/miekg/dns"},
			// A module of its own, for cgo.
			"dnssec/pkcs11key": {"github.com/miekg/pkcs11"},
			// Constant-time arithmetic of P-256, for nonces inverted in batches.
			"dnssec/internal/p256batch": {"filippo.io/bigmod", "filippo.io/nistec"},
			"examples": {
				"github.com/BurntSushi/toml",
				"github.com/coreos/go-systemd/v22",
				"github.com/go-webauthn/webauthn", // passkeys of the panel
				"github.com/miekg/dns",            // records in configuration
				"github.com/prometheus/client_golang",
				"golang.org/x",
			},
			"internal/archtest":   {"github.com/BurntSushi/toml"},
			"internal/dnsask":     {"github.com/miekg/dns"},
			"internal/dnspeer":    {"github.com/miekg/dns"}, // its tests ask the servers
			"internal/etcdkv":     {"go.etcd.io/etcd/client/v3", "go.etcd.io/etcd/api/v3"},
			"internal/netnstest":  {"golang.org/x/sys"},
			"internal/pebbletest": {"github.com/letsencrypt/pebble/v2", "github.com/miekg/dns"},
			"internal/snmptest":   {"github.com/gosnmp/gosnmp"},
			"internal/snmpx":      {"github.com/gosnmp/gosnmp"},
			"netboot": {
				"github.com/gopacket/gopacket", // reads captures
				"github.com/insomniacslk/dhcp",
				"github.com/mdlayher/ndp",
				"github.com/mdlayher/packet",
				"github.com/pin/tftp/v3",
				"github.com/vishvananda/netlink",
				"golang.org/x/net",
				"golang.org/x/sync",
				"golang.org/x/sys",
				"golang.org/x/time",
			},
			"nfsroot":             {},
			"nfsroot/boottree":    {"golang.org/x/sys"},
			"nfsroot/build":       {"golang.org/x/sys"},
			"nfsroot/clone":       {"golang.org/x/sys"},
			"nfsroot/farm":        {"golang.org/x/sys"},
			"nfsroot/identity":    {"golang.org/x/crypto/ssh"},
			"nfsroot/kmod":        {"github.com/ulikunitz/xz"}, // Debian's modules are compressed
			"nfsroot/nfsd":        {"golang.org/x/sys"},
			"nfsroot/cmd/nfsinit": {"github.com/insomniacslk/dhcp", "golang.org/x/sys"},
			"nfsroot/nfsroottest": {"golang.org/x/sys"},
			"poe":                 {"github.com/gosnmp/gosnmp"},
			"serialcon":           {"golang.org/x/sys"},
			"serialcon/conlog":    {"github.com/klauspost/compress", "golang.org/x/sys"}, // closed segments are zstd
			"serialcon/sol":       {"github.com/bougou/go-ipmi"},
			"serialcon/sshd":      {"golang.org/x/crypto/ssh"},
			"sniproxy": {
				"github.com/miekg/dns",
				"github.com/pires/go-proxyproto",
				"golang.org/x/net/idna",
				"golang.org/x/sys",
			},
			"vlan":             {},
			"vlan/linuxbridge": {"github.com/vishvananda/netlink", "golang.org/x/sys"},
			"vlan/qbridge":     {"github.com/gosnmp/gosnmp"},
		},
		Tests: []string{
			"github.com/chromedp",
			"github.com/quic-go/quic-go",            // a client for sniproxy/quic
			"github.com/refraction-networking/utls", // the hellos of browsers
			"github.com/rogpeppe/go-internal",
			"github.com/stretchr/testify",
			"golang.org/x/net",
			"golang.org/x/sync",
			"golang.org/x/sys",
		},
		Deny: []string{
			"github.com/go-acme/lego/v4/providers/dns", // imports two hundred providers
		},
	}
}
