package nfsroot

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// The forms of names, so that none can be taken for an option, a second word or
// a second line by apt, dpkg or a shell.
var (
	suiteName     = regexp.MustCompile(`^[a-z][a-z0-9.-]*(/updates)?$`)
	componentName = regexp.MustCompile(`^[a-z][a-z0-9/-]*$`)
	packageName   = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*[a-z0-9+.]$`)      // Debian policy 5.6.1; "name-" removes
	kernelName    = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*\*?[a-z0-9+.-]*$`) // and one "*"
	pinPackage    = regexp.MustCompile(`^[a-z0-9*?][a-z0-9+.*?:-]*$`)
	pinValue      = regexp.MustCompile(`^(version|release|origin) [-A-Za-z0-9.,=~+:*"' /_]+$`)
	moduleName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)
	unitName      = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9:_.\\@-]*\.(service|timer|socket|target|mount|automount|path|swap|slice)$`)
	filePath      = regexp.MustCompile(`^/[A-Za-z0-9/._+,@~-]*$`)
	trimPattern   = regexp.MustCompile(`^/[A-Za-z0-9/._+,@~*?-]+$`)
	mirrorURL     = regexp.MustCompile(`^[!-~]+$`) // printable ASCII without spaces
)

// Validate returns an error that names the first field that cannot be, with its
// value. A valid spec may still name a package or a suite that no mirror has.
func (s Spec) Validate() error {
	if err := s.validate(); err != nil {
		return fmt.Errorf("nfsroot: spec: %w", err)
	}
	return nil
}

func (s Spec) validate() error {
	if !suiteName.MatchString(s.Suite) {
		return fmt.Errorf("suite %q is not the name of a release", s.Suite)
	}
	if err := s.Arch.Validate(); err != nil {
		return err
	}
	if s.Mirrors != nil && len(s.Mirrors) == 0 {
		return errors.New("no mirrors: nil stands for Debian's")
	}
	if err := validateMirrors(s.Archives()); err != nil {
		return err
	}
	if err := matchAll("package", packageName, s.Packages); err != nil {
		return err
	}
	if err := matchAll("unit to mask", unitName, s.Mask); err != nil {
		return err
	}
	if err := matchAll("trim path", trimPattern, s.Trim.Paths); err != nil {
		return err
	}
	for i, p := range s.Pins {
		if err := p.validate(); err != nil {
			return fmt.Errorf("pin %d: %w", i, err)
		}
	}
	if s.Kernel != nil {
		if err := matchAll("kernel package", kernelName, []string{s.Kernel.Package}); err != nil {
			return err
		}
		return matchAll("kernel module", moduleName, s.Kernel.Modules)
	}
	return nil
}

// validateMirrors also refuses two keyrings of one name, which would be one
// file in the root.
func validateMirrors(mirrors []Mirror) error {
	keyrings := map[string]string{}
	for i, m := range mirrors {
		if err := m.validate(); err != nil {
			return fmt.Errorf("mirror %d: %w", i, err)
		}
		base := path.Base(m.Keyring)
		if other, ok := keyrings[base]; ok && other != m.Keyring {
			return fmt.Errorf("mirror %d: keyring %q has the name of %q", i, m.Keyring, other)
		}
		keyrings[base] = m.Keyring
	}
	return nil
}

func matchAll(what string, form *regexp.Regexp, values []string) error {
	for _, v := range values {
		if !form.MatchString(v) {
			return fmt.Errorf("%s %q is malformed", what, v)
		}
	}
	return nil
}

func (m Mirror) validate() error {
	u, err := url.Parse(m.URL)
	if err != nil || !mirrorURL.MatchString(m.URL) || strings.ContainsAny(m.URL, `[]"'\#`) {
		return fmt.Errorf("URL %q is malformed", m.URL)
	}
	switch {
	case u.Scheme == "file" && u.Host == "" && path.IsAbs(u.Path):
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "":
	default:
		return fmt.Errorf("URL %q is not of an archive by http, https or file", m.URL)
	}
	if !suiteName.MatchString(m.Suite) {
		return fmt.Errorf("suite %q is not the name of a release", m.Suite)
	}
	if !filePath.MatchString(m.Keyring) || path.Clean(m.Keyring) != m.Keyring {
		return fmt.Errorf("keyring %q is not a clean absolute path", m.Keyring)
	}
	return matchAll("component", componentName, m.Components)
}

func (p Pin) validate() error {
	if !pinPackage.MatchString(p.Package) {
		return fmt.Errorf("package %q is malformed", p.Package)
	}
	if !pinValue.MatchString(p.Pin) {
		return fmt.Errorf("pin %q does not begin with version, release or origin, or is malformed", p.Pin)
	}
	if p.Priority == 0 {
		return errors.New("priority 0 is undefined, as apt_preferences(5) says")
	}
	return nil
}
