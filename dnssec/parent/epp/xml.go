package epp

import (
	"encoding/xml"
)

// The namespaces of RFC 5730, RFC 5731 and RFC 5910.
const (
	nsEPP    = "urn:ietf:params:xml:ns:epp-1.0"
	nsDomain = "urn:ietf:params:xml:ns:domain-1.0"
	nsSecDNS = "urn:ietf:params:xml:ns:secDNS-1.1"
)

// message is what a client sends.
type message struct {
	XMLName xml.Name  `xml:"urn:ietf:params:xml:ns:epp-1.0 epp"`
	Hello   *struct{} `xml:"hello"`
	Command *command  `xml:"command"`
}

// command is one of them; its elements are in the order of the schema.
type command struct {
	Info      *info      `xml:"info"`
	Login     *login     `xml:"login"`
	Logout    *struct{}  `xml:"logout"`
	Update    *update    `xml:"update"`
	Extension *extension `xml:"extension"`
	ID        string     `xml:"clTRID"`
}

type login struct {
	User     string   `xml:"clID"`
	Password string   `xml:"pw"`
	Version  string   `xml:"options>version"`
	Lang     string   `xml:"options>lang"`
	Objects  []string `xml:"svcs>objURI"`
	Exts     []string `xml:"svcs>svcExtension>extURI"`
}

type info struct {
	Domain domainName `xml:"urn:ietf:params:xml:ns:domain-1.0 info"`
}

type update struct {
	Domain domainName `xml:"urn:ietf:params:xml:ns:domain-1.0 update"`
}

type domainName struct {
	Name string `xml:"urn:ietf:params:xml:ns:domain-1.0 name"`
}

type extension struct {
	SecDNS secDNS `xml:"urn:ietf:params:xml:ns:secDNS-1.1 update"`
}

// secDNS is the change: rem, then add, then chg (RFC 5910, section 5.2.5).
type secDNS struct {
	Urgent bool     `xml:"urgent,attr,omitempty"`
	Rem    *removal `xml:"urn:ietf:params:xml:ns:secDNS-1.1 rem"`
	Add    *data    `xml:"urn:ietf:params:xml:ns:secDNS-1.1 add"`
	Chg    *chg     `xml:"urn:ietf:params:xml:ns:secDNS-1.1 chg"`
}

type chg struct {
	MaxSigLife int64 `xml:"urn:ietf:params:xml:ns:secDNS-1.1 maxSigLife"`
}

type removal struct {
	All *bool `xml:"urn:ietf:params:xml:ns:secDNS-1.1 all"`
	data
}

// data is DS or key data.
type data struct {
	DS   []dsData  `xml:"urn:ietf:params:xml:ns:secDNS-1.1 dsData"`
	Keys []keyData `xml:"urn:ietf:params:xml:ns:secDNS-1.1 keyData"`
}

type dsData struct {
	Tag        uint16   `xml:"urn:ietf:params:xml:ns:secDNS-1.1 keyTag"`
	Algorithm  uint8    `xml:"urn:ietf:params:xml:ns:secDNS-1.1 alg"`
	DigestType uint8    `xml:"urn:ietf:params:xml:ns:secDNS-1.1 digestType"`
	Digest     string   `xml:"urn:ietf:params:xml:ns:secDNS-1.1 digest"`
	Key        *keyData `xml:"urn:ietf:params:xml:ns:secDNS-1.1 keyData"`
}

type keyData struct {
	Flags     uint16 `xml:"urn:ietf:params:xml:ns:secDNS-1.1 flags"`
	Protocol  uint8  `xml:"urn:ietf:params:xml:ns:secDNS-1.1 protocol"`
	Algorithm uint8  `xml:"urn:ietf:params:xml:ns:secDNS-1.1 alg"`
	PublicKey string `xml:"urn:ietf:params:xml:ns:secDNS-1.1 pubKey"`
}

// reply is what a server sends.
type reply struct {
	XMLName  xml.Name  `xml:"urn:ietf:params:xml:ns:epp-1.0 epp"`
	Greeting *greeting `xml:"urn:ietf:params:xml:ns:epp-1.0 greeting"`
	Response *response `xml:"urn:ietf:params:xml:ns:epp-1.0 response"`
}

type greeting struct {
	Server   string   `xml:"urn:ietf:params:xml:ns:epp-1.0 svID"`
	Versions []string `xml:"urn:ietf:params:xml:ns:epp-1.0 svcMenu>version"`
	Objects  []string `xml:"urn:ietf:params:xml:ns:epp-1.0 svcMenu>objURI"`
	Exts     []string `xml:"urn:ietf:params:xml:ns:epp-1.0 svcMenu>svcExtension>extURI"`
}

type response struct {
	Results []result `xml:"urn:ietf:params:xml:ns:epp-1.0 result"`
	Data    struct {
		Domain *domainName `xml:"urn:ietf:params:xml:ns:domain-1.0 infData"`
	} `xml:"urn:ietf:params:xml:ns:epp-1.0 resData"`
	Extension struct {
		SecDNS *struct {
			MaxSigLife int64 `xml:"urn:ietf:params:xml:ns:secDNS-1.1 maxSigLife"`
			data
		} `xml:"urn:ietf:params:xml:ns:secDNS-1.1 infData"`
	} `xml:"urn:ietf:params:xml:ns:epp-1.0 extension"`
	ID     string `xml:"urn:ietf:params:xml:ns:epp-1.0 trID>clTRID"`
	Server string `xml:"urn:ietf:params:xml:ns:epp-1.0 trID>svTRID"`
}

type result struct {
	Code    int      `xml:"code,attr"`
	Message string   `xml:"urn:ietf:params:xml:ns:epp-1.0 msg"`
	Reasons []string `xml:"urn:ietf:params:xml:ns:epp-1.0 extValue>reason"`
}
