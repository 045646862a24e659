package api

import (
	"net/http"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// list is how a list is answered.
type list[T any] struct {
	Items []T `json:"items"`
}

// listed is a list of what a house returned.
func listed[T any](items []T, err error) (list[T], error) { return list[T]{items}, err }

func getDocument(c *call, _, _ nothing) (map[string]any, error) {
	c.w.Header().Set("Content-Type", "application/json")
	_, _ = c.w.Write(c.s.document) // the reader has gone
	return nil, nil
}

// me is whose a token is.
type me struct {
	Name    string        `json:"name"`
	Role    account.Role  `json:"role"`
	Token   string        `json:"token_id"`
	Scope   account.Scope `json:"scope"`
	Expires time.Time     `json:"expires"`
}

func getMe(c *call, _, _ nothing) (me, error) {
	scope := account.Read
	if c.who.Write {
		scope = account.Write
	}
	return me{c.who.Name, c.who.Role, c.who.ID, scope, c.who.Expires}, nil
}

type auditQuery struct {
	Who    string    `json:"who,omitempty" doc:"Who did it."`
	Kind   string    `json:"kind,omitempty" doc:"The kind of thing that it was done to."`
	Thing  string    `json:"thing,omitempty" doc:"What it was done to."`
	Action string    `json:"action,omitempty" doc:"What was done."`
	Since  time.Time `json:"since,omitzero" doc:"Not before this time."`
	Until  time.Time `json:"until,omitzero" doc:"Before this time."`
	Before uint64    `json:"before,omitempty" doc:"With a smaller number than this: the next page."`
	Limit  int       `json:"limit,omitempty" doc:"How many at most; 100 if it is not said." least:"1" most:"1000"`
}

func getAudit(c *call, q auditQuery, _ nothing) (list[audit.Entry], error) {
	return listed(c.house.History(c.r.Context(), audit.Filter{
		Who: q.Who, Kind: q.Kind, Thing: q.Thing, Action: q.Action,
		Since: q.Since, Until: q.Until, Before: q.Before, Limit: q.Limit,
	}))
}

func getTokens(c *call, _, _ nothing) (list[account.Token], error) {
	return listed(c.s.o.Accounts.Tokens(c.who), nil)
}

type tokenRequest struct {
	Label string        `json:"label" doc:"What it is for." most:"100"`
	Scope account.Scope `json:"scope"`
	Days  int           `json:"days,omitempty" doc:"How long it lasts; 90 if it is not said." least:"1" most:"366"`
}

// madeToken is a token with its secret, this once.
type madeToken struct {
	Secret string `json:"token"`
	account.Token
}

func newToken(c *call, _ nothing, b tokenRequest) (madeToken, error) {
	made, err := c.s.o.Accounts.NewToken(c.r.Context(), c.who, b.Label, b.Scope, time.Duration(b.Days)*24*time.Hour)
	return madeToken{made.Secret.Reveal(), made}, err
}

func revokeToken(c *call, _, _ nothing) (nothing, error) {
	return nothing{}, c.s.o.Accounts.RevokeToken(c.r.Context(), c.who, c.r.PathValue("id"))
}

func getShelves(c *call, _, _ nothing) (list[model.Shelf], error) {
	return listed(c.house.Shelves(c.r.Context()))
}

func getPis(c *call, _, _ nothing) (list[model.Pi], error) {
	shelves, err := c.house.Shelves(c.r.Context())
	var pis []model.Pi
	for _, s := range shelves {
		pis = append(pis, s.Pis...)
	}
	return listed(pis, err)
}

func (c *call) pi() string     { return c.r.PathValue("pi") }
func (c *call) domain() string { return c.r.PathValue("domain") }
func (c *call) site() string   { return c.r.PathValue("site") }

func getPi(c *call, _, _ nothing) (model.Pi, error) { return c.house.Pi(c.r.Context(), c.pi()) }

// The usual limits of lists.
const (
	usualBoots = 20
	usualLines = 100
)

type bootsQuery struct {
	Limit int `json:"limit,omitempty" doc:"How many at most; 20 if it is not said." least:"1" most:"1000"`
}

func getBoots(c *call, q bootsQuery, _ nothing) (list[model.Boot], error) {
	if q.Limit == 0 {
		q.Limit = usualBoots
	}
	return listed(c.house.Boots(c.r.Context(), c.pi(), q.Limit))
}

type powerRequest struct {
	Action model.PowerAction `json:"action"`
	Reason string            `json:"reason" doc:"Why, for the audit log." most:"500"`
}

func postPower(c *call, _ nothing, b powerRequest) (nothing, error) {
	return nothing{}, c.house.Power(c.r.Context(), c.pi(), b.Action, b.Reason, c.who.Name)
}

// reasonRequest is the body of a change that has nothing else to say.
type reasonRequest struct {
	Reason string `json:"reason,omitempty" doc:"Why, for the audit log." most:"500"`
}

func postRebuild(c *call, _ nothing, b reasonRequest) (nothing, error) {
	c.house.Reason = b.Reason
	return nothing{}, c.house.Rebuild(c.r.Context(), c.pi(), c.who.Name)
}

type logQuery struct {
	Text  string `json:"text,omitempty" doc:"What the lines have in them." most:"500"`
	Limit int    `json:"limit,omitempty" doc:"How many at most; 100 if it is not said." least:"1" most:"1000"`
}

func getLog(c *call, q logQuery, _ nothing) (list[model.LogLine], error) {
	if q.Limit == 0 {
		q.Limit = usualLines
	}
	return listed(c.house.SearchLog(c.r.Context(), c.pi(), q.Text, q.Limit))
}

func getDomains(c *call, _, _ nothing) (list[model.Domain], error) {
	return listed(c.house.Domains(c.r.Context()))
}

func getDomain(c *call, _, _ nothing) (model.Domain, error) {
	return c.house.Domain(c.r.Context(), c.domain())
}

type dnssecRequest struct {
	On     bool   `json:"on"`
	Reason string `json:"reason,omitempty" doc:"Why, for the audit log." most:"500"`
}

func putDNSSEC(c *call, _ nothing, b dnssecRequest) (nothing, error) {
	c.house.Reason = b.Reason
	return nothing{}, c.house.SetDNSSEC(c.r.Context(), c.domain(), b.On, c.who.Name)
}

func postRoll(c *call, _ nothing, b reasonRequest) (nothing, error) {
	c.house.Reason = b.Reason
	return nothing{}, c.house.RollKey(c.r.Context(), c.domain(), c.who.Name)
}

func postCertify(c *call, _ nothing, b reasonRequest) (nothing, error) {
	c.house.Reason = b.Reason
	return nothing{}, c.house.Certify(c.r.Context(), c.domain(), c.who.Name)
}

func getSites(c *call, _, _ nothing) (list[model.Site], error) {
	return listed(c.house.Sites(c.r.Context()))
}

func getSite(c *call, _, _ nothing) (model.Site, error) {
	return c.house.Site(c.r.Context(), c.site())
}

type proxyRequest struct {
	Header model.ProxyHeader `json:"proxy_protocol"`
	Reason string            `json:"reason,omitempty" doc:"Why, for the audit log." most:"500"`
}

func putProxy(c *call, _ nothing, b proxyRequest) (nothing, error) {
	c.house.Reason = b.Reason
	return nothing{}, c.house.SetProxy(c.r.Context(), c.site(), b.Header, c.who.Name)
}

func postProbe(c *call, _ nothing, b reasonRequest) (model.Verdict, error) {
	c.house.Reason = b.Reason
	return c.house.Probe(c.r.Context(), c.site())
}

// errTooMany is of what one token may have few of.
var errTooMany = &wrong{http.StatusTooManyRequests, "", "this token has too many of these open"}
