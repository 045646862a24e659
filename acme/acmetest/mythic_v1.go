package acmetest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// serveV1 is the DNS API v1: commands in a form, all or none of which are carried out.
func (m *Mythic) serveV1(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost && r.Method != http.MethodGet {
		http.Error(w, "Bad request", http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	domain := mythicName(r.Form.Get("domain"))
	if m.zones[domain] == nil || r.Form.Get("password") == "" || r.Form.Get("password") != m.password(domain) {
		http.Error(w, "Invalid domain or password", http.StatusUnauthorized)
		return
	}
	b := &mythicBatch{domain: domain, origin: r.Form.Get("origin"), from: mythicSource(r).String(), showAll: r.Form.Has("showall")}
	b.records = slices.Clone(m.zones[domain].records)
	for _, command := range r.Form["command"] {
		if err := b.run(strings.TrimSpace(command)); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	if !b.failed && len(b.added)+len(b.removed) > 0 {
		m.change(domain, b.removed, b.added)
	}
	_, _ = w.Write([]byte(b.out.String()))
}

// password is a zone's. The mutex is held.
func (m *Mythic) password(domain string) string {
	if m.opts.Passwords == nil {
		return MythicPassword
	}
	return m.opts.Passwords[domain]
}

// mythicBatch are the commands of one request.
type mythicBatch struct {
	domain, origin, from string
	showAll              bool
	records              []MythicRecord
	added, removed       []MythicRecord
	failed               bool
	out                  strings.Builder
}

// run carries a command out, and writes what is said about it. The error is of a
// request that is refused altogether.
func (b *mythicBatch) run(command string) error {
	verb, rest, _ := strings.Cut(command, " ")
	if verb == "LIST" {
		b.list()
		return nil
	}
	if verb != "ADD" && verb != "DELETE" && verb != "REPLACE" {
		return mythicRefusal("Unknown command")
	}
	rec, err := b.parse(rest)
	if err != nil {
		return err
	}
	if reason := b.apply(verb, rec); reason != "" {
		b.failed = true
		fmt.Fprintf(&b.out, "N%s; %s\n", command, reason)
		return nil
	}
	fmt.Fprintf(&b.out, "%s\n", command)
	return nil
}

// apply returns why it does not work.
func (b *mythicBatch) apply(verb string, rec MythicRecord) (reason string) {
	switch verb {
	case "REPLACE":
		b.remove(func(r MythicRecord) bool { return r.Host == rec.Host && r.Type == rec.Type })
	case "DELETE":
		if b.remove(func(r MythicRecord) bool { return r.same(rec) && r.TTL == rec.TTL }) == 0 {
			return "Record does not exist"
		}
		return ""
	}
	if slices.ContainsFunc(b.records, rec.same) {
		return "Can't have multiple identical records"
	}
	b.records = append(b.records, rec)
	b.added = append(b.added, rec)
	return ""
}

func (b *mythicBatch) remove(is func(MythicRecord) bool) (n int) {
	for _, r := range b.records {
		if !r.inherited() && is(r) {
			b.removed = append(b.removed, r)
			n++
		}
	}
	own := func(r MythicRecord) bool { return !r.inherited() && is(r) }
	b.records = slices.DeleteFunc(b.records, own)
	b.added = slices.DeleteFunc(b.added, own)
	return n
}

func (b *mythicBatch) list() {
	for _, r := range b.records {
		if !r.inherited() || b.showAll {
			fmt.Fprintf(&b.out, "%s\n", r)
		}
	}
}

// mythicNumbers are the numbers that come before the data of a type.
var mythicNumbers = map[string][]string{
	"MX":  {"mx_priority"},
	"SRV": {"srv_priority", "srv_weight", "srv_port"},
}

// parse reads host, TTL, type and data.
func (b *mythicBatch) parse(text string) (MythicRecord, error) {
	fields := strings.SplitN(text, " ", 4)
	if len(fields) < 4 {
		return MythicRecord{}, mythicRefusal("Bad command")
	}
	ttl, err := strconv.Atoi(fields[1])
	if err != nil || ttl <= 0 {
		return MythicRecord{}, mythicRefusal("Bad TTL")
	}
	rec := MythicRecord{Host: strings.ToLower(fields[0]), TTL: ttl, Type: strings.ToUpper(fields[2]), Data: strings.TrimSpace(fields[3])}
	if rec.Host, err = b.host(rec.Host); err != nil {
		return MythicRecord{}, err
	}
	for _, name := range mythicNumbers[rec.Type] {
		first, rest, _ := strings.Cut(rec.Data, " ")
		n, err := strconv.Atoi(first)
		if err != nil {
			return MythicRecord{}, mythicRefusal("Bad data")
		}
		if rec.Fields == nil {
			rec.Fields = make(map[string]int)
		}
		rec.Fields[name], rec.Data = n, rest
	}
	if rec.Data == "DYNAMIC_IP" {
		rec.Data = b.from
	}
	if rec.Type == "TXT" {
		rec.Data = strings.Trim(rec.Data, `"`)
	}
	return rec, nil
}

// host is relative to the domain; with the origin "." it is absolute in the command.
func (b *mythicBatch) host(host string) (string, error) {
	switch {
	case b.origin == "" || mythicName(b.origin) == b.domain:
		return host, nil
	case b.origin != ".":
		return "", mythicRefusal("Bad origin")
	case mythicName(host) == b.domain:
		return "@", nil
	}
	in, ok := strings.CutSuffix(mythicName(host), "."+b.domain)
	if !ok {
		return "", mythicRefusal("Host is not in the domain")
	}
	return in, nil
}
