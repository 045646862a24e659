package nfsroot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/tree"
)

// A Finding is something in a root that is wrong over NFS.
type Finding struct {
	Rule     string   // the name of the rule that found it
	Path     string   // below the root, with slashes, without one in front
	Severity Severity // how bad it is
	Message  string   // what is wrong, in one sentence
	Fixable  bool     // whether Fix mends it
}

// String is "path: message (rule)".
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s (%s)", f.Severity, f.Path, f.Message, f.Rule)
}

// Severity says how bad a [Finding] is.
type Severity int

// The severities. An Error breaks the machine, gives its secrets away or
// disturbs the others; a Warning costs them something; an Info is for a person
// to judge.
const (
	Info Severity = iota
	Warning
	Error
)

var severities = []string{"info", "warning", "error"}

// String is the severity's name in lower case.
func (s Severity) String() string {
	if s < 0 || int(s) >= len(severities) {
		return fmt.Sprintf("Severity(%d)", int(s))
	}
	return severities[s]
}

// MarshalText is [Severity.String].
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes what MarshalText gives.
func (s *Severity) UnmarshalText(text []byte) error {
	i := slices.Index(severities, string(text))
	if i < 0 {
		return fmt.Errorf("severity %q is none of %v", text, severities)
	}
	*s = Severity(i)
	return nil
}

// A Rule is one thing that Lint looks for. [Rules] has them all.
type Rule struct {
	Name  string // "file-capabilities"
	Finds string // what it finds
	Why   string // why that matters on NFS
	Mend  string // what Fix does about it; "" if nothing
	// Base says that the rule is for a base, which is nobody's yet: in the root of
	// one machine what it finds is in order.
	Base bool

	check func(*linter) error                 // looks at the files it knows of
	visit func(l *linter, e tree.Entry) error // is shown every file
}

// Rules returns every rule, by name.
func Rules() []Rule {
	rules := slices.Concat(attributeRules(), fileRules(), identityRules(), accountRules(), storageRules(), unitRules(), networkRules(), aptRules())
	slices.SortFunc(rules, func(a, b Rule) int { return cmp.Compare(a.Name, b.Name) })
	return rules
}

// HostRules returns the rules for the root of one machine, which has a name,
// keys and a state of its own.
func HostRules() []Rule {
	return slices.DeleteFunc(Rules(), func(r Rule) bool { return r.Base })
}

// Lint looks through the tree at root for what is wrong in a root that is
// mounted over NFS, by the rules given, or by all [Rules] if there are none.
// Findings are sorted by path, then by rule. Nothing in the tree is changed.
//
// The tree may be hostile: no link leads Lint out of it, nothing but regular
// files and directories is opened, and files are read up to a bound. What Lint
// could not read is in the error; the findings that come with an error are true
// but need not be all. Rules about extended attributes and mounts need Linux,
// and fail with [errors.ErrUnsupported] elsewhere.
func Lint(ctx context.Context, root string, rules ...Rule) ([]Finding, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("nfsroot: lint: %w", err)
	}
	defer r.Close()
	faults, err := lint(ctx, r, root, rules)
	findings := make([]Finding, len(faults))
	for i, f := range faults {
		findings[i] = f.Finding
	}
	if err != nil {
		return findings, fmt.Errorf("nfsroot: lint %s: %w", root, err)
	}
	return findings, nil
}

// fault is a finding together with its remedy.
type fault struct {
	Finding
	mend func() error // nil if it is not fixable
}

// linter is what a rule works with.
type linter struct {
	ctx    context.Context
	root   *os.Root
	mounts []string // mount points below it, relative to it
	rule   *Rule
	faults []fault
	attrs  struct { // of the file that was asked for last
		path  string
		names []string
	}
}

func lint(ctx context.Context, r *os.Root, root string, rules []Rule) ([]fault, error) {
	mounts, err := mountsIn(root)
	if err != nil {
		return nil, err
	}
	if len(rules) == 0 {
		rules = Rules()
	}
	l := &linter{ctx: ctx, root: r, mounts: mounts}
	var failed []error
	for i := range rules {
		if l.rule = &rules[i]; l.rule.check == nil {
			continue
		}
		if err := l.rule.check(l); err != nil {
			failed = append(failed, fmt.Errorf("rule %s: %w", l.rule.Name, err))
		}
	}
	failed = append(failed, l.walk(rules))
	slices.SortStableFunc(l.faults, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
	})
	return l.faults, errors.Join(failed...)
}

// walk shows every file to the rules that want to see it.
func (l *linter) walk(rules []Rule) error {
	rules = slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return r.visit == nil })
	if len(rules) == 0 {
		return l.ctx.Err()
	}
	var failed []error
	err := tree.Walk(l.ctx, l.root, func(e tree.Entry) error {
		if slices.Contains(l.mounts, e.Path) {
			return fs.SkipDir
		}
		for i := range rules {
			l.rule = &rules[i]
			if err := l.rule.visit(l, e); err != nil && len(failed) < maxFailures {
				failed = append(failed, fmt.Errorf("rule %s: %q: %w", l.rule.Name, e.Path, err))
			}
		}
		return nil
	})
	return errors.Join(append(failed, err)...)
}

// maxFailures is how many files that cannot be read are reported.
const maxFailures = 20

// find notes a fault, and what mends it unless that is nil. What is mounted in
// the tree is not of the tree: it may be this machine's own, so nothing is found
// there.
func (l *linter) find(s Severity, path string, mend func() error, format string, args ...any) {
	if l.rule.Name != mountsRule && slices.ContainsFunc(l.mounts, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") }) {
		return
	}
	l.faults = append(l.faults, fault{Finding{l.rule.Name, path, s, fmt.Sprintf(format, args...), mend != nil}, mend})
}
