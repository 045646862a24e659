package nfsroot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
)

// Fix mends the findings in the tree at root that are fixable; the others it
// leaves. It looks again first, by the same rules, and mends only what is still
// there, so findings that are old or made up do no harm. After it, Lint finds
// none of them.
//
// It writes by rename, never through a link, and keeps the owner and mode of a
// file that it changes. One that cannot be mended does not keep it from the
// others: all that went wrong is in the error. For most trees it needs to be
// root, and CAP_LINUX_IMMUTABLE for the flags of chattr(1).
func Fix(ctx context.Context, root string, findings []Finding) error {
	rules, err := rulesOf(findings)
	if err != nil {
		return fmt.Errorf("nfsroot: fix %s: %w", root, err)
	}
	if len(rules) == 0 {
		return nil
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return fmt.Errorf("nfsroot: fix: %w", err)
	}
	defer r.Close()
	faults, err := lint(ctx, r, root, rules)
	failed := []error{err}
	slices.Reverse(faults) // what is deeper goes first
	for _, f := range faults {
		if f.mend == nil || !slices.Contains(findings, f.Finding) {
			continue
		}
		if err := errors.Join(ctx.Err(), f.mend()); err != nil {
			failed = append(failed, fmt.Errorf("rule %s: %w", f.Rule, err))
		}
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("nfsroot: fix %s: %w", root, err)
	}
	return nil
}

// rulesOf returns the rules that made the fixable ones of the findings.
func rulesOf(findings []Finding) ([]Rule, error) {
	all := Rules()
	var rules []Rule
	for _, f := range findings {
		i := slices.IndexFunc(all, func(r Rule) bool { return r.Name == f.Rule })
		if i < 0 {
			return nil, fmt.Errorf("no rule is named %q", f.Rule)
		}
		if f.Fixable && !slices.ContainsFunc(rules, func(r Rule) bool { return r.Name == f.Rule }) {
			rules = append(rules, all[i])
		}
	}
	return rules, nil
}
