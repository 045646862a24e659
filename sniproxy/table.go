package sniproxy

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// A Site is names and where they lead.
type Site struct {
	// Names are host names ("www.example.com"), in Unicode or as A-labels, or
	// wildcards ("*.example.com") for all names below one, at any depth, but not
	// for itself. An exact name is before a wildcard, a longer wildcard before a
	// shorter one.
	Names []string
	// Decision is what the router answers. Its Site is the first name when it is
	// empty.
	Decision
}

// Routes is the whole content of a [Table].
type Routes struct {
	Sites []Site
	// Default is for names that no site has; nil refuses them.
	Default *Decision
	// NoName is for clients that name nothing; nil refuses them. A hello that
	// could not be read is never one of these.
	NoName *Decision
}

// A Table is a [Router] by name. The zero value has no sites. [Table.Replace] and
// [Table.Update] change it at once and for new connections only; what is relayed is not
// touched.
type Table struct {
	now atomic.Pointer[routes]
	mu  sync.Mutex // one Update at a time
}

// routes is a content, which does not change.
type routes struct {
	index    nameIndex
	fallback *Decision
	noName   *Decision
}

// Replace makes r the content of the table. When a name or site in it is wrong, the
// error names each and the table stays as it was.
func (t *Table) Replace(r Routes) error {
	next, err := compile(r)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now.Store(next)
	return nil
}

// Clone returns a table with the same content. It costs next to nothing, as they share
// it until one is changed.
func (t *Table) Clone() *Table {
	out := new(Table)
	out.now.Store(t.now.Load())
	return out
}

// Len returns the number of sites. It counts them.
func (t *Table) Len() int {
	if now := t.now.Load(); now != nil {
		return now.index.decisions()
	}
	return 0
}

// Route implements [Router].
func (t *Table) Route(r *Request) (Decision, error) {
	if d := t.Lookup(r.Name); d != nil {
		return *d, nil
	}
	if r.Name == "" {
		return Decision{}, ErrNoName
	}
	return Decision{}, ErrUnknownName
}

// Lookup returns the decision for a canonical name, "" being none, or nil. What it
// points to is not to be changed.
func (t *Table) Lookup(name string) *Decision {
	now := t.now.Load()
	if now == nil {
		return nil
	}
	if name == "" {
		return now.noName
	}
	if d := now.index.find(name); d != nil {
		return d
	}
	if now.index.wildcards == 0 {
		return now.fallback
	}
	for rest := name; ; {
		dot := strings.IndexByte(rest, '.')
		if dot < 0 {
			return now.fallback
		}
		if d := now.index.find(rest[dot:]); d != nil {
			return d
		}
		rest = rest[dot+1:]
	}
}

// maxSiteErrors is how many wrong sites an error tells of.
const maxSiteErrors = 20

func compile(r Routes) (*routes, error) {
	names := 0
	for i := range r.Sites {
		names += len(r.Sites[i].Names)
	}
	next := &routes{index: newNameIndex(names)}
	sites := make([]Decision, len(r.Sites))
	var errs []error
	for i := range r.Sites {
		if err := next.add(&r.Sites[i], &sites[i]); err != nil {
			if errs = append(errs, err); len(errs) == maxSiteErrors {
				break
			}
		}
	}
	var err error
	if next.fallback, err = special("default", r.Default); err != nil {
		errs = append(errs, err)
	}
	if next.noName, err = special("no-name", r.NoName); err != nil {
		errs = append(errs, err)
	}
	return next, errors.Join(errs...)
}

func special(what string, d *Decision) (*Decision, error) {
	if d == nil {
		return nil, nil
	}
	own := *d
	if own.Site == "" {
		own.Site = what
	}
	return &own, check(&own)
}

func check(d *Decision) error {
	if d.Backend == nil {
		return fmt.Errorf("sniproxy: site %q: it has no Backend", d.Site)
	}
	if d.Limit.Conns < 0 || d.Limit.Rate < 0 || d.Limit.Burst < 0 {
		return fmt.Errorf("sniproxy: site %q: a limit below zero", d.Site)
	}
	return nil
}

// add adds a site to routes that are not in use yet; own is the place for its decision.
func (r *routes) add(s *Site, own *Decision) error {
	*own = s.Decision
	if len(s.Names) == 0 {
		return fmt.Errorf("sniproxy: site %q: it has no names", own.Site)
	}
	if own.Site == "" {
		own.Site = s.Names[0]
	}
	if err := check(own); err != nil {
		return err
	}
	for _, name := range s.Names {
		key, err := routeKey(name)
		if err != nil {
			return fmt.Errorf("sniproxy: site %q: %w", own.Site, err)
		}
		if other := r.index.add(key, own); other != nil {
			return fmt.Errorf("sniproxy: site %q: name %q is that of site %q too", own.Site, name, other.Site)
		}
	}
	return nil
}

// profile maps names as RFC 5891 section 5 does, and lets the underscores pass that
// are in use, as clients do.
var profile = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.StrictDomainName(false))

// routeKey is the canonical form of a configured name; a wildcard's begins with
// its dot.
func routeKey(name string) (string, error) {
	base, wild := strings.CutPrefix(name, "*.")
	base = strings.TrimSuffix(base, ".")
	if isASCII(base) {
		base = strings.ToLower(base)
	}
	ascii, err := profile.ToASCII(base)
	if err != nil {
		return "", fmt.Errorf("name %q: %w", name, err)
	}
	if err := checkName(ascii); err != nil {
		return "", fmt.Errorf("name %q: %w", name, err)
	}
	if wild {
		return "." + ascii, nil
	}
	return ascii, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// checkName refuses names that no client can ask for.
func checkName(name string) error {
	if name == "" || len(name) > 253 {
		return fmt.Errorf("its length is %d, not 1 to 253", len(name))
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return errors.New("each label has 1 to 63 characters")
		}
		for i := range len(label) {
			if !nameByte(label[i]) {
				return fmt.Errorf("character %q is not allowed", label[i])
			}
		}
	}
	return nil
}

func nameByte(b byte) bool {
	return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '-' || b == '_'
}
