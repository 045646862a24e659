package snmpx

import "fmt"

// reportError says why an engine of SNMPv3 did not take a message: the counters
// of RFC 3414 section 5 and RFC 3412 section 5. It is nil for those that gosnmp
// puts right, and for no report.
func reportError(report OID, user string) error {
	usm := OID{1, 3, 6, 1, 6, 3, 15, 1, 1}
	mpd := OID{1, 3, 6, 1, 6, 3, 11, 2, 1}
	switch {
	case report == nil:
		return nil
	case report.HasPrefix(usm) && len(report) > len(usm):
		switch report[len(usm)] {
		case 1:
			return fmt.Errorf("%w: user %q may not use this security level, or the agent lacks the protocol", ErrAuth, user)
		case 2, 4: // not in the time window; another engine
			return nil
		case 3:
			return fmt.Errorf("%w: the agent does not know the user %q", ErrAuth, user)
		case 5:
			return fmt.Errorf("%w: the authentication passphrase or protocol of user %q is wrong", ErrAuth, user)
		case 6:
			return fmt.Errorf("%w: the privacy passphrase or protocol of user %q is wrong", ErrAuth, user)
		}
	case report.HasPrefix(mpd) && len(report) > len(mpd):
		return fmt.Errorf("%w: the agent does not take such messages (report %s)", errMalformed, report)
	}
	return fmt.Errorf("%w: the agent reports %s", ErrAuth, report)
}
