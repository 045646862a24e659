package acmetest

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

type caOrder struct {
	id       string
	account  *caAccount
	names    []string
	authzs   []*caAuthz
	profile  string
	replaces string
	cert     *caCert // once finalized
	polls    int     // since then
}

type caAuthz struct {
	id       string
	account  *caAccount
	name     string // without "*."
	wildcard bool
	token    string
	status   string // pending, valid or invalid
	answered string // the type of the challenge that was
	verdict  error
	decided  bool // verdict counts
	polls    int
}

type caIdentifier struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

func (ca *CA) newOrder(m *caMessage, _ string) (*caReply, *caProblem) {
	var req struct {
		Identifiers []caIdentifier
		Profile     string
		Replaces    string
	}
	if err := json.Unmarshal(m.payload, &req); err != nil || len(req.Identifiers) == 0 {
		return nil, caRefuse(400, "malformed", "no order: %v", err)
	}
	if _, ok := ca.o.Profiles[req.Profile]; req.Profile != "" && !ok {
		return nil, caRefuse(400, "invalidProfile", "no profile %q", req.Profile)
	}
	if p := ca.checkReplaces(req.Replaces, m.account); p != nil {
		return nil, p
	}
	o := &caOrder{account: m.account, profile: req.Profile, replaces: req.Replaces}
	for _, id := range req.Identifiers {
		if id.Type != "dns" {
			return nil, caRefuse(400, "unsupportedIdentifier", "%q", id.Type)
		}
		o.names = append(o.names, id.Value)
		o.authzs = append(o.authzs, ca.newAuthz(m.account, id.Value))
	}
	slices.Reverse(o.names) // legal, and clients must not mind
	ca.number++
	o.id = caNumber(ca.number)
	ca.orders[o.id] = o
	return &caReply{status: 201, location: ca.base() + "/" + CAOrder + "/" + o.id, object: ca.orderObject(o)}, nil
}

func (ca *CA) newAuthz(account *caAccount, name string) *caAuthz {
	ca.number++
	a := &caAuthz{id: caNumber(ca.number), account: account, token: rand.Text(), status: "pending"}
	a.name, a.wildcard = strings.CutPrefix(name, "*.")
	if ca.o.Reuse && slices.Contains(account.proved, name) {
		a.status, a.answered = "valid", "dns-01"
	}
	ca.authzs[a.id] = a
	return a
}

// status is that of RFC 8555 section 7.1.6.
func (ca *CA) status(o *caOrder) string {
	if o.cert != nil {
		if o.polls > ca.o.SlowIssuing {
			return "valid"
		}
		return "processing"
	}
	for _, a := range o.authzs {
		if a.status != "valid" {
			return a.status
		}
	}
	return "ready"
}

func (ca *CA) orderObject(o *caOrder) map[string]any {
	var ids []caIdentifier
	for _, n := range o.names {
		ids = append(ids, caIdentifier{"dns", n})
	}
	var urls []string
	for _, a := range o.authzs {
		urls = append(urls, ca.base()+"/"+CAAuthz+"/"+a.id)
	}
	status := ca.status(o)
	object := map[string]any{
		"status": status, "identifiers": ids, "authorizations": urls,
		"expires":  time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
		"finalize": ca.base() + "/" + CAFinalize + "/" + o.id,
	}
	switch status {
	case "valid":
		object["certificate"] = ca.base() + "/" + CACertificate + "/" + o.cert.id
	case "invalid":
		object["error"] = caRefuse(403, "unauthorized", "a name was not proved")
	}
	return object
}

func (ca *CA) order(m *caMessage, id string) (*caReply, *caProblem) {
	o := ca.orders[id]
	if o == nil || o.account != m.account {
		return nil, caRefuse(404, "malformed", "no order %q", id)
	}
	if o.cert != nil {
		o.polls++
	}
	status := ca.status(o)
	return &caReply{status: 200, object: ca.orderObject(o), waits: status == "processing" || status == "pending"}, nil
}

// finalize answers without a Location, which RFC 8555 does not ask for.
func (ca *CA) finalize(m *caMessage, id string) (*caReply, *caProblem) {
	o := ca.orders[id]
	switch {
	case o == nil || o.account != m.account:
		return nil, caRefuse(404, "malformed", "no order %q", id)
	case ca.status(o) != "ready":
		return nil, caRefuse(403, "orderNotReady", "the order is %s", ca.status(o))
	}
	var req struct{ CSR string }
	if err := json.Unmarshal(m.payload, &req); err != nil {
		return nil, caRefuse(400, "malformed", "%v", err)
	}
	der, err := base64.RawURLEncoding.DecodeString(req.CSR)
	if err != nil {
		return nil, caRefuse(400, "badCSR", "%v", err)
	}
	if o.cert, err = ca.issue(o, der); err != nil {
		return nil, caRefuse(400, "badCSR", "%v", err)
	}
	if ca.o.Immediate {
		o.polls = ca.o.SlowIssuing + 1
	}
	return &caReply{status: 200, object: ca.orderObject(o), waits: true}, nil
}

func (ca *CA) authz(m *caMessage, id string) (*caReply, *caProblem) {
	a := ca.authzs[id]
	if a == nil || a.account != m.account {
		return nil, caRefuse(404, "malformed", "no authorization %q", id)
	}
	if a.answered != "" {
		a.polls++
	}
	ca.settle(a)
	return &caReply{status: 200, object: ca.authzObject(a), waits: a.status == "pending"}, nil
}

func (ca *CA) settle(a *caAuthz) {
	if a.status != "pending" || !a.decided || a.polls <= ca.o.SlowValidation {
		return
	}
	if a.verdict != nil {
		a.status = "invalid"
		return
	}
	a.status = "valid"
	name := a.name
	if a.wildcard {
		name = "*." + name
	}
	a.account.proved = append(a.account.proved, name)
}

func (ca *CA) authzObject(a *caAuthz) map[string]any {
	object := map[string]any{
		"status": a.status, "identifier": caIdentifier{"dns", a.name}, "challenges": ca.challenges(a),
		"expires": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
	}
	if a.wildcard {
		object["wildcard"] = true
	}
	return object
}

// challenges has some that a client of today can not know.
func (ca *CA) challenges(a *caAuthz) []map[string]any {
	types := []string{"x-unknown-01", "dns-persist-01", "http-01", "dns-account-01", "dns-01"}
	if a.wildcard {
		types = slices.DeleteFunc(types, func(t string) bool { return t == "http-01" })
	}
	var list []map[string]any
	for _, t := range types {
		list = append(list, ca.challengeObject(a, t))
	}
	return list
}

func (ca *CA) challengeObject(a *caAuthz, typ string) map[string]any {
	c := map[string]any{
		"type": typ, "url": ca.base() + "/" + CAChallenge + "/" + a.id + "/" + typ, "status": "pending", "token": a.token,
	}
	switch typ {
	case "x-unknown-01":
		c["token"] = map[string]any{"parts": []int{1, 2}}
	case "dns-persist-01":
		delete(c, "token")
		c["issuer-domain-names"] = []string{"ca.invalid"}
		c["accounturi"] = a.account.url
	}
	if a.answered != typ {
		return c
	}
	c["status"] = cmp.Or(map[string]string{"pending": "processing"}[a.status], a.status)
	if a.status == "invalid" {
		c["error"] = caRefuse(403, "incorrectResponse", "%v", a.verdict)
	}
	return c
}

// challenge begins to validate. The body must be the empty object.
func (ca *CA) challenge(m *caMessage, id string) (*caReply, *caProblem) {
	id, typ, _ := strings.Cut(id, "/")
	a := ca.authzs[id]
	if a == nil || a.account != m.account {
		return nil, caRefuse(404, "malformed", "no challenge %q", id)
	}
	if len(m.payload) > 0 && string(m.payload) != "{}" {
		return nil, caRefuse(400, "malformed", "the answer to a challenge is {}")
	}
	if len(m.payload) > 0 && a.status == "pending" && a.answered == "" {
		a.answered = typ
		v := Validation{Type: typ, Identifier: a.name, Wildcard: a.wildcard}
		if typ != "dns-persist-01" {
			v.KeyAuth = a.token + "." + a.account.thumbprint()
		}
		url := a.account.url
		if ca.o.Immediate {
			a.verdict, a.decided, a.polls = ca.look(v, url), true, ca.o.SlowValidation+1
			ca.settle(a)
		} else {
			ca.running.Go(func() { ca.decide(a, ca.look(v, url)) })
		}
	}
	return &caReply{
		status: 200, object: ca.challengeObject(a, typ),
		links: []string{"<" + ca.base() + "/" + CAAuthz + "/" + id + ">;rel=\"up\""},
	}, nil
}

func (ca *CA) decide(a *caAuthz, verdict error) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	a.verdict, a.decided = verdict, true
}

// look validates a challenge.
func (ca *CA) look(v Validation, accountURL string) error {
	ctx, cancel := context.WithTimeout(ca.ctx, 10*time.Second)
	defer cancel()
	if name, value := v.record(accountURL); ca.o.TXT != nil && name != "" {
		if have := ca.o.TXT(name); !slices.Contains(have, value) {
			return fmt.Errorf("TXT of %q: %q, not %q", name, have, value)
		}
	}
	if ca.o.Validate != nil {
		return ca.o.Validate(ctx, v)
	}
	return nil
}

// record is the TXT record that answers the challenge, or "".
func (v Validation) record(accountURL string) (name, value string) {
	sum := sha256.Sum256([]byte(v.KeyAuth))
	value = base64.RawURLEncoding.EncodeToString(sum[:])
	switch v.Type {
	case "dns-01":
		return "_acme-challenge." + v.Identifier + ".", value
	case "dns-account-01":
		account := sha256.Sum256([]byte(accountURL))
		label := strings.ToLower(base32.StdEncoding.EncodeToString(account[:10]))
		return "_" + label + "._acme-challenge." + v.Identifier + ".", value
	case "dns-persist-01":
		value = "ca.invalid; accounturi=" + accountURL
		if v.Wildcard {
			value += "; policy=wildcard"
		}
		return "_validation-persist." + v.Identifier + ".", value
	}
	return "", ""
}

// Proved are the names that are proved now, of all accounts, in order.
func (ca *CA) Proved() []string {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	names := map[string]bool{}
	for _, a := range ca.accounts {
		for _, n := range a.proved {
			names[n] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
