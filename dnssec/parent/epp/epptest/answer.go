package epptest

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder never fails
	return b.String()
}

func (r *Registry) greeting() string {
	ext := "<svcExtension><extURI>" + nsSecDNS + "</extURI></svcExtension>"
	if r.options.NoSecDNS {
		ext = ""
	}
	return xml.Header + `<epp xmlns="` + nsEPP + `"><greeting><svID>epptest</svID><svDate>2026-01-01T00:00:00.0Z</svDate>` +
		`<svcMenu><version>1.0</version><lang>en</lang><objURI>` + nsDomain + `</objURI>` + ext + `</svcMenu>` +
		`<dcp><access><all/></access><statement><purpose><prov/></purpose><recipient><ours/></recipient><retention><stated/></retention></statement></dcp></greeting></epp>`
}

// answer is a response; more is what comes after the result.
func answer(id string, code int, message, more string) string {
	if id != "" {
		id = "<clTRID>" + escape(id) + "</clTRID>"
	}
	return fmt.Sprintf(`%s<epp xmlns=%q><response><result code="%d"><msg>%s</msg></result>%s<trID>%s<svTRID>SV-1</svTRID></trID></response></epp>`,
		xml.Header, nsEPP, code, escape(message), more, id)
}

func (r *Registry) carryOut(c command, loggedIn *bool) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case c.name == "login" && *loggedIn, c.name != "login" && !*loggedIn:
		return answer(c.id, 2002, "Command use error", "")
	case c.name == "login" && (c.user != r.options.User || c.password != r.options.Password):
		return answer(c.id, 2200, "Authentication error", "")
	case c.name == "login":
		*loggedIn = true
		return answer(c.id, 1000, "Command completed successfully", "")
	case c.name == "logout":
		return answer(c.id, 1500, "Command completed successfully; ending session", "")
	}
	d := r.domains[c.domain]
	if d == nil {
		return answer(c.id, 2303, "Object does not exist", "")
	}
	if c.name == "info" {
		return answer(c.id, 1000, "Command completed successfully", d.info(c.domain))
	}
	if code, message := r.change(d, c); code != 0 {
		return answer(c.id, code, message, "")
	}
	return answer(c.id, 1000, "Command completed successfully", "")
}

// change carries out an update: rem, then add, then chg.
func (r *Registry) change(d *Domain, c command) (int, string) {
	keys := len(c.add.Keys) + len(c.remove.Keys)
	if keys > 0 && !r.options.WantKeys || len(c.add.DS)+len(c.remove.DS) > 0 && r.options.WantKeys {
		return 2306, "Parameter value policy error"
	}
	if d.Locked {
		return 2304, "Object status prohibits operation"
	}
	next := *d
	next.DS, next.Keys = slices.Clone(d.DS), slices.Clone(d.Keys)
	if c.removeAll {
		next.DS, next.Keys = nil, nil
	}
	for _, ds := range c.remove.DS {
		i := slices.IndexFunc(next.DS, ds.is)
		if i < 0 {
			return 2303, "Object does not exist"
		}
		next.DS = slices.Delete(next.DS, i, i+1)
	}
	for _, k := range c.remove.Keys {
		i := slices.Index(next.Keys, k)
		if i < 0 {
			return 2303, "Object does not exist"
		}
		next.Keys = slices.Delete(next.Keys, i, i+1)
	}
	for _, ds := range c.add.DS {
		if slices.ContainsFunc(next.DS, ds.is) {
			return 2302, "Object exists"
		}
		next.DS = append(next.DS, ds)
	}
	for _, k := range c.add.Keys {
		if slices.Contains(next.Keys, k) {
			return 2302, "Object exists"
		}
		next.Keys = append(next.Keys, k)
	}
	if len(next.DS)+len(next.Keys) > r.options.MaxDS {
		return 2308, "Data management policy violation"
	}
	if c.maxSigLife > 0 {
		next.MaxSigLife = c.maxSigLife
	}
	next.Urgent = c.urgent
	*d = next
	return 0, ""
}

func (d DS) is(other DS) bool {
	return d.Tag == other.Tag && d.Algorithm == other.Algorithm && d.DigestType == other.DigestType && strings.EqualFold(d.Digest, other.Digest)
}

// info is what comes after the result of an info command.
func (d *Domain) info(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<resData><domain:infData xmlns:domain=%q><domain:name>%s</domain:name><domain:roid>D1-TEST</domain:roid>`+
		`<domain:status s="ok"/><domain:clID>registrar</domain:clID></domain:infData></resData>`, nsDomain, escape(name))
	if len(d.DS)+len(d.Keys) == 0 && d.MaxSigLife == 0 {
		return b.String()
	}
	fmt.Fprintf(&b, `<extension><secDNS:infData xmlns:secDNS=%q>`, nsSecDNS)
	if d.MaxSigLife > 0 {
		fmt.Fprintf(&b, `<secDNS:maxSigLife>%d</secDNS:maxSigLife>`, d.MaxSigLife)
	}
	for _, ds := range d.DS {
		fmt.Fprintf(&b, `<secDNS:dsData><secDNS:keyTag>%d</secDNS:keyTag><secDNS:alg>%d</secDNS:alg><secDNS:digestType>%d</secDNS:digestType><secDNS:digest>%s</secDNS:digest>`,
			ds.Tag, ds.Algorithm, ds.DigestType, escape(ds.Digest))
		if ds.Key != nil {
			ds.Key.write(&b)
		}
		b.WriteString(`</secDNS:dsData>`)
	}
	for _, k := range d.Keys {
		k.write(&b)
	}
	b.WriteString(`</secDNS:infData></extension>`)
	return b.String()
}

func (k Key) write(b *strings.Builder) {
	fmt.Fprintf(b, `<secDNS:keyData><secDNS:flags>%d</secDNS:flags><secDNS:protocol>%d</secDNS:protocol><secDNS:alg>%d</secDNS:alg><secDNS:pubKey>%s</secDNS:pubKey></secDNS:keyData>`,
		k.Flags, k.Protocol, k.Algorithm, escape(k.PublicKey))
}
