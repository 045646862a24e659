package epptest

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
)

const (
	nsEPP    = "urn:ietf:params:xml:ns:epp-1.0"
	nsDomain = "urn:ietf:params:xml:ns:domain-1.0"
	nsSecDNS = "urn:ietf:params:xml:ns:secDNS-1.1"
)

// command is one that was understood.
type command struct {
	name           string // hello, login, logout, info, update
	id             string
	user, password string
	domain         string
	urgent         bool
	removeAll      bool
	add, remove    Domain
	maxSigLife     int64
}

// parseCommand reads one, with the id also when there is an error.
func parseCommand(body []byte) (command, error) {
	root, err := parseTree(body)
	if err != nil {
		return command{}, err
	}
	if root.name.Space != nsEPP || root.name.Local != "epp" || len(root.children) != 1 {
		return command{}, errors.New("not one element in epp")
	}
	top := root.children[0]
	if top.name.Space != nsEPP {
		return command{}, fmt.Errorf("namespace %q", top.name.Space)
	}
	switch top.name.Local {
	case "hello":
		return command{name: "hello"}, top.check(rule{})
	case "command":
		c := command{id: top.get("clTRID")}
		return c, c.parse(top)
	}
	return command{}, fmt.Errorf("element %s", top.name.Local)
}

func (c *command) parse(top *node) error {
	if err := top.check(rule{space: nsEPP, children: "info? login? logout? update? extension? clTRID?"}); err != nil {
		return err
	}
	if n := len(c.id); n != 0 && (n < 3 || n > 64) {
		return fmt.Errorf("clTRID of %d characters", n)
	}
	if len(top.children) == 0 {
		return errors.New("an empty command")
	}
	c.name = top.children[0].name.Local
	verb := top.children[0]
	if extensions := top.all("extension"); len(extensions) > 0 {
		if c.name != "update" {
			return errors.New("extension of " + c.name)
		}
		if err := c.parseExtension(extensions[0]); err != nil {
			return err
		}
	}
	switch c.name {
	case "login":
		return c.parseLogin(verb)
	case "logout":
		return verb.check(rule{})
	case "info", "update":
		return c.parseDomain(verb)
	}
	return fmt.Errorf("command %s", c.name)
}

func (c *command) parseLogin(n *node) error {
	if err := n.check(rule{space: nsEPP, children: "clID pw options svcs"}); err != nil {
		return err
	}
	options, svcs := n.all("options")[0], n.all("svcs")[0]
	if err := options.check(rule{space: nsEPP, children: "version lang"}); err != nil {
		return err
	}
	if err := svcs.check(rule{space: nsEPP, children: "objURI+ svcExtension?"}); err != nil {
		return err
	}
	if options.get("version") != "1.0" || svcs.get("objURI") != nsDomain || svcs.get("svcExtension", "extURI") != nsSecDNS {
		return errors.New("services that were not offered")
	}
	c.user, c.password = n.get("clID"), n.get("pw")
	return nil
}

func (c *command) parseDomain(n *node) error {
	if err := n.check(rule{space: nsDomain, children: c.name}); err != nil {
		return err
	}
	n = n.children[0]
	if err := n.check(rule{space: nsDomain, children: "name"}); err != nil {
		return err
	}
	c.domain = n.get("name")
	return nil
}

func (c *command) parseExtension(n *node) error {
	if err := n.check(rule{space: nsSecDNS, children: "update"}); err != nil {
		return err
	}
	n = n.children[0]
	if err := n.check(rule{space: nsSecDNS, children: "rem? add? chg?", attrs: "urgent"}); err != nil {
		return err
	}
	if len(n.children) == 0 {
		return errors.New("an update of nothing")
	}
	c.urgent = n.attrs["urgent"] == "true"
	var err error
	for _, part := range n.children {
		switch {
		case part.name.Local == "add":
			c.add, err = parseData(part)
		case part.name.Local == "rem" && len(part.all("all")) > 0:
			c.removeAll = part.get("all") == "true"
			err = part.check(rule{space: nsSecDNS, children: "all"})
		case part.name.Local == "rem":
			c.remove, err = parseData(part)
		default:
			if err = part.check(rule{space: nsSecDNS, children: "maxSigLife"}); err == nil {
				c.maxSigLife, err = strconv.ParseInt(part.get("maxSigLife"), 10, 31)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// parseData reads DS or keys, at least one and not both.
func parseData(n *node) (Domain, error) {
	var d Domain
	kind := "dsData+"
	if len(n.all("keyData")) > 0 {
		kind = "keyData+"
	}
	if err := n.check(rule{space: nsSecDNS, children: kind}); err != nil {
		return d, err
	}
	for _, child := range n.children {
		if child.name.Local == "keyData" {
			k, err := parseKey(child)
			if err != nil {
				return d, err
			}
			d.Keys = append(d.Keys, k)
			continue
		}
		if err := child.check(rule{space: nsSecDNS, children: "keyTag alg digestType digest keyData?"}); err != nil {
			return d, err
		}
		ds := DS{Tag: number[uint16](child.get("keyTag")), Algorithm: number[uint8](child.get("alg")), DigestType: number[uint8](child.get("digestType")), Digest: child.get("digest")}
		if raw, err := hex.DecodeString(ds.Digest); err != nil || len(raw) == 0 || ds.Algorithm == 0 || ds.DigestType == 0 {
			return d, errors.New("a DS that is none")
		}
		if keys := child.all("keyData"); len(keys) > 0 {
			k, err := parseKey(keys[0])
			if err != nil {
				return d, err
			}
			ds.Key = &k
		}
		d.DS = append(d.DS, ds)
	}
	return d, nil
}

func parseKey(n *node) (Key, error) {
	if err := n.check(rule{space: nsSecDNS, children: "flags protocol alg pubKey"}); err != nil {
		return Key{}, err
	}
	k := Key{Flags: number[uint16](n.get("flags")), Protocol: number[uint8](n.get("protocol")), Algorithm: number[uint8](n.get("alg")), PublicKey: n.get("pubKey")}
	if raw, err := base64.StdEncoding.DecodeString(k.PublicKey); err != nil || len(raw) == 0 || k.Protocol != 3 || k.Algorithm == 0 {
		return Key{}, errors.New("a key that is none")
	}
	return k, nil
}

// number reads a decimal, and is zero for what is none or too large.
func number[T uint8 | uint16](s string) T {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || uint64(T(n)) != n {
		return 0
	}
	return T(n)
}
