package snmp

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// Credentials are either the communities of SNMPv2c or a user of SNMPv3. V2c
// counts while V3.User is empty.
type Credentials struct {
	V2c V2c
	V3  V3
}

// V2c are communities, which cross the network in clear.
type V2c struct {
	Read  Secret // for reading; empty means Write
	Write Secret // for writing; empty means that nothing may be written
}

// V3 is a user of the User-based Security Model (RFC 3414). Writing wants
// authentication and encryption that still hold: SHA-1 or better and AES, unless
// [Config.AllowWeak].
type V3 struct {
	User     string
	Auth     AuthProtocol // zero means no authentication
	AuthPass Secret       // of 8 octets or more
	Priv     PrivProtocol // zero means no encryption
	PrivPass Secret       // of 8 octets or more
	// EngineID pins the switch's engine: another one gets no request. Empty takes
	// the first one seen and accepts another only after it proved to know the
	// user's keys, which [Config.OnEngineChange] is told.
	EngineID []byte
	Context  string // the context's name; empty is the default one
}

// AuthProtocol is how messages are authenticated.
type AuthProtocol uint8

// The protocols of RFC 3414 and RFC 7860. MD5 is for reading only, unless
// [Config.AllowWeak].
const (
	NoAuth AuthProtocol = iota
	MD5
	SHA1
	SHA224
	SHA256
	SHA384
	SHA512
)

// String is the protocol's name, as "SHA-256".
func (p AuthProtocol) String() string {
	return nameOf(p, "none", "MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512")
}

// PrivProtocol is how messages are encrypted.
type PrivProtocol uint8

// The protocols of RFC 3414 and RFC 3826, and the longer keys of AES as net-snmp
// and, with C, Cisco extend them: they differ only where the digest is shorter
// than the key. DES is for reading only, unless [Config.AllowWeak].
const (
	NoPriv PrivProtocol = iota
	DES
	AES
	AES192
	AES256
	AES192C
	AES256C
)

// String is the protocol's name, as "AES-256".
func (p PrivProtocol) String() string {
	return nameOf(p, "none", "DES", "AES", "AES-192", "AES-256", "AES-192C", "AES-256C")
}

func nameOf[T ~uint8](n T, names ...string) string {
	if int(n) < len(names) {
		return names[n]
	}
	return fmt.Sprintf("unknown(%d)", uint8(n))
}

func (c Credentials) internal() snmpx.Credentials {
	return snmpx.Credentials{
		V2c: snmpx.V2c{Read: snmpx.Secret(c.V2c.Read), Write: snmpx.Secret(c.V2c.Write)},
		V3:  c.V3.internal(),
	}
}

func (v V3) internal() snmpx.V3 {
	auth := [...]snmpx.AuthProtocol{
		NoAuth: snmpx.NoAuth, MD5: snmpx.MD5, SHA1: snmpx.SHA1, SHA224: snmpx.SHA224, SHA256: snmpx.SHA256,
		SHA384: snmpx.SHA384, SHA512: snmpx.SHA512,
	}
	priv := [...]snmpx.PrivProtocol{
		NoPriv: snmpx.NoPriv, DES: snmpx.DES, AES: snmpx.AES, AES192: snmpx.AES192, AES256: snmpx.AES256,
		AES192C: snmpx.AES192C, AES256C: snmpx.AES256C,
	}
	x := snmpx.V3{
		User: v.User, AuthPass: snmpx.Secret(v.AuthPass), PrivPass: snmpx.Secret(v.PrivPass),
		EngineID: v.EngineID, Context: v.Context,
		Auth: snmpx.AuthProtocol(0xff), Priv: snmpx.PrivProtocol(0xff), // refused as unknown
	}
	if int(v.Auth) < len(auth) {
		x.Auth = auth[v.Auth]
	}
	if int(v.Priv) < len(priv) {
		x.Priv = priv[v.Priv]
	}
	return x
}
