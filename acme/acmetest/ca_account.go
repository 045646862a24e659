package acmetest

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
)

type caAccount struct {
	url      string
	key      crypto.PublicKey
	jwk      string
	status   string
	contacts []string
	proved   []string // names, with "*." of wildcards
}

func (a *caAccount) object() map[string]any {
	return map[string]any{"status": a.status, "contact": a.contacts, "orders": a.url + "/orders"}
}

func (a *caAccount) thumbprint() string {
	sum := sha256.Sum256([]byte(a.jwk))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (ca *CA) accountOf(jwk string) *caAccount {
	for _, a := range ca.accounts {
		if a.jwk == jwk {
			return a
		}
	}
	return nil
}

func (ca *CA) newAccount(m *caMessage) (*caReply, *caProblem) {
	var req struct {
		Contact                []string
		TermsOfServiceAgreed   bool
		OnlyReturnExisting     bool
		ExternalAccountBinding *caJWS
	}
	if err := json.Unmarshal(m.payload, &req); err != nil || m.jwk == "" {
		return nil, caRefuse(400, "malformed", "newAccount needs a jwk and an object: %v", err)
	}
	if a := ca.accountOf(m.jwk); a != nil {
		if a.status != "valid" {
			return nil, caRefuse(403, "unauthorized", "the account is %s", a.status)
		}
		return &caReply{status: 200, location: a.url, object: a.object()}, nil
	}
	if req.OnlyReturnExisting {
		return nil, caRefuse(400, "accountDoesNotExist", "no account has the key")
	}
	if ca.o.TermsOfService != "" && !req.TermsOfServiceAgreed {
		return nil, caRefuse(403, "userActionRequired", "agree to the terms")
	}
	if p := ca.checkBinding(req.ExternalAccountBinding, m.jwk); p != nil {
		return nil, p
	}
	ca.number++
	a := &caAccount{
		url: ca.base() + "/" + CAAccount + "/" + caNumber(ca.number), key: m.key, jwk: m.jwk,
		status: "valid", contacts: req.Contact,
	}
	ca.accounts[a.url] = a
	return &caReply{status: 201, location: a.url, object: a.object()}, nil
}

func (ca *CA) checkBinding(eab *caJWS, jwk string) *caProblem {
	if ca.o.EAB == nil {
		return nil
	}
	if eab == nil {
		return caRefuse(403, "externalAccountRequired", "no binding")
	}
	h, err := eab.header()
	secret, known := ca.o.EAB[h.KID]
	if err != nil || !known || h.Alg != "HS256" || h.Nonce != "" || h.URL != ca.base()+"/"+CANewAccount {
		return caRefuse(403, "unauthorized", "the binding's header is wrong")
	}
	payload, err := eab.verifyMAC(secret)
	if err != nil {
		return caRefuse(403, "unauthorized", "the binding's MAC: %v", err)
	}
	var bound caJWK
	if err := json.Unmarshal(payload, &bound); err != nil {
		return caRefuse(400, "malformed", "the binding: %v", err)
	}
	if _, text, err := bound.parse(); err != nil || text != jwk {
		return caRefuse(400, "malformed", "the binding is of another key")
	}
	return nil
}

// account answers a POST to an account's own URL.
func (ca *CA) account(m *caMessage, id string) (*caReply, *caProblem) {
	a := m.account
	if a.url != ca.base()+"/"+CAAccount+"/"+id {
		return nil, caRefuse(403, "unauthorized", "another's account")
	}
	if len(m.payload) > 0 {
		var req struct {
			Status  string
			Contact *[]string
		}
		if err := json.Unmarshal(m.payload, &req); err != nil {
			return nil, caRefuse(400, "malformed", "%v", err)
		}
		if req.Contact != nil {
			a.contacts = slices.Clone(*req.Contact)
		}
		if req.Status == "deactivated" {
			a.status = req.Status
		}
	}
	return &caReply{status: 200, object: a.object()}, nil
}

// keyChange verifies the inner signature by the new key, RFC 8555 section 7.3.5.
func (ca *CA) keyChange(m *caMessage, _ string) (*caReply, *caProblem) {
	var inner caJWS
	if err := json.Unmarshal(m.payload, &inner); err != nil {
		return nil, caRefuse(400, "malformed", "no inner JWS: %v", err)
	}
	h, err := inner.header()
	if err != nil || h.JWK == nil || h.KID != "" || h.Nonce != "" || h.URL != ca.base()+"/"+CAKeyChange {
		return nil, caRefuse(400, "malformed", "the inner header is wrong: %v", err)
	}
	key, jwk, err := h.JWK.parse()
	if err != nil {
		return nil, caRefuse(400, "badPublicKey", "%v", err)
	}
	payload, err := inner.verify(h.Alg, key)
	if err != nil {
		return nil, caRefuse(400, "malformed", "the inner signature: %v", err)
	}
	var change struct {
		Account string
		OldKey  caJWK
	}
	if err := json.Unmarshal(payload, &change); err != nil {
		return nil, caRefuse(400, "malformed", "%v", err)
	}
	if _, old, err := change.OldKey.parse(); err != nil || old != m.account.jwk || change.Account != m.account.url {
		return nil, caRefuse(400, "malformed", "the change is of another account or key")
	}
	if ca.accountOf(jwk) != nil {
		return nil, caRefuse(409, "conflict", "the key is another account's")
	}
	m.account.key, m.account.jwk = key, jwk
	return &caReply{status: 200, object: m.account.object()}, nil
}
