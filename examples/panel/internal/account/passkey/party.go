package passkey

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
)

// Options say which site passkeys are for.
type Options struct {
	// ID is the relying party's: the host name of the panel, or a domain above it.
	// Passkeys are for it alone, so it cannot change later. Required.
	ID string
	// Name is what browsers show. "" means the ID.
	Name string
	// Origins are those of the panel's pages, as "https://panel.example.net". Required.
	// http is for localhost alone.
	Origins []string
}

// Party is a relying party.
type Party struct{ web *webauthn.WebAuthn }

var _ account.Ceremonies = (*Party)(nil)

// timeout is how long a browser may take, as long as the store remembers ceremonies.
const timeout = 5 * time.Minute

// New checks the options.
func New(o Options) (*Party, error) {
	for _, origin := range o.Origins {
		if err := checkOrigin(origin, o.ID); err != nil {
			return nil, fmt.Errorf("passkey: origin %q: %w", origin, err)
		}
	}
	if o.ID == "" {
		return nil, errors.New("passkey: the ID of the relying party is missing: the panel's host name")
	}
	limits := webauthn.TimeoutConfig{Enforce: true, Timeout: timeout, TimeoutUVD: timeout}
	web, err := webauthn.New(&webauthn.Config{
		RPID: o.ID, RPDisplayName: cmp.Or(o.Name, o.ID), RPOrigins: o.Origins,
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: limits, Registration: limits},
	})
	if err != nil {
		return nil, fmt.Errorf("passkey: relying party %q: %w", o.ID, err)
	}
	return &Party{web}, nil
}

// checkOrigin finds mistakes that would let nobody in, or let others see.
func checkOrigin(origin, id string) error {
	u, err := url.Parse(origin)
	if err != nil {
		return err
	}
	host := u.Hostname()
	switch {
	case u.Scheme+"://"+u.Host != origin:
		return errors.New("it is scheme://host[:port]")
	case u.Scheme != "https" && (u.Scheme != "http" || host != "localhost"):
		return errors.New("browsers have passkeys for https, and for http://localhost")
	case host != id && !strings.HasSuffix(host, "."+id):
		return fmt.Errorf("its host is not the relying party's ID %q or under it", id)
	}
	return nil
}

// holder is a person for the library.
type holder struct {
	account.Holder
	credentials []webauthn.Credential
}

func newHolder(h account.Holder) (*holder, error) {
	u := &holder{Holder: h}
	for _, c := range h.Credentials {
		var known webauthn.Credential
		if err := json.Unmarshal(c.Data, &known); err != nil {
			return nil, fmt.Errorf("passkey: read a passkey of %q: %w", h.Name, err)
		}
		u.credentials = append(u.credentials, known)
	}
	return u, nil
}

func (h *holder) WebAuthnID() []byte                         { return h.Handle }
func (h *holder) WebAuthnName() string                       { return h.Name }
func (h *holder) WebAuthnDisplayName() string                { return h.Name }
func (h *holder) WebAuthnCredentials() []webauthn.Credential { return h.credentials }

// BeginCreate implements [account.Ceremonies].
func (p *Party) BeginCreate(h account.Holder) (options, state json.RawMessage, err error) {
	u, err := newHolder(h)
	if err != nil {
		return nil, nil, err
	}
	creation, session, err := p.web.BeginRegistration(u,
		webauthn.WithExclusions(webauthn.Credentials(u.credentials).CredentialDescriptors()))
	if err != nil {
		return nil, nil, told(err)
	}
	return both(creation, session)
}

// FinishCreate implements [account.Ceremonies].
func (p *Party) FinishCreate(h account.Holder, state, response json.RawMessage) (account.Credential, error) {
	u, err := newHolder(h)
	if err != nil {
		return account.Credential{}, err
	}
	var session webauthn.SessionData
	if err := json.Unmarshal(state, &session); err != nil {
		return account.Credential{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return account.Credential{}, told(err)
	}
	made, err := p.web.CreateCredential(u, session, parsed)
	if err != nil {
		return account.Credential{}, told(err)
	}
	return credential(made)
}

// BeginGet implements [account.Ceremonies].
func (p *Party) BeginGet() (options, state json.RawMessage, err error) {
	assertion, session, err := p.web.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, nil, told(err)
	}
	return both(assertion, session)
}

// FinishGet implements [account.Ceremonies].
func (p *Party) FinishGet(state, response json.RawMessage, find func(handle []byte) (account.Holder, error)) (account.Credential, error) {
	var session webauthn.SessionData
	if err := json.Unmarshal(state, &session); err != nil {
		return account.Credential{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return account.Credential{}, told(err)
	}
	_, used, err := p.web.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		h, err := find(handle)
		if err != nil {
			return nil, err
		}
		return newHolder(h)
	}, session, parsed)
	if err != nil {
		return account.Credential{}, told(err)
	}
	return credential(used)
}

// credential is what is kept. What the authenticator said about itself at its registration
// is nobody's business.
func credential(c *webauthn.Credential) (account.Credential, error) {
	c.Attestation = webauthn.CredentialAttestation{}
	data, err := json.Marshal(c)
	return account.Credential{
		ID: c.ID, Data: data, Cloned: c.Authenticator.CloneWarning, Synced: c.Flags.BackupState,
	}, err
}

// both marshals the options for the browser, and the state.
func both(options, session any) (_, _ json.RawMessage, err error) {
	o, err := json.Marshal(options)
	if err != nil {
		return nil, nil, err
	}
	s, err := json.Marshal(session)
	return o, s, err
}

// told adds what the library has for developers: its errors are short.
func told(err error) error {
	if e, ok := errors.AsType[*protocol.Error](err); ok && e.DevInfo != "" {
		return fmt.Errorf("%w: %s", err, e.DevInfo)
	}
	return err
}
