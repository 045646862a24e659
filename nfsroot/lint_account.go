package nfsroot

import (
	"strings"
)

func accountRules() []Rule {
	return []Rule{
		{
			Name:  "root-password",
			Finds: "A password of root in /etc/shadow.",
			Why:   "It is the same on every clone.",
			Mend:  "Sets it to *, which no password matches; root still logs in by key.",
			Base:  true,
			check: checkRootPassword,
		},
		{
			Name:  "empty-password",
			Finds: "Accounts without a password in /etc/passwd and /etc/shadow.",
			Why:   "Anybody at the console, and any user of the machine, is in.",
			Mend:  "Sets it to *, which no password matches.",
			check: checkEmptyPasswords,
		},
	}
}

// checkRootPassword leaves an empty one to the other rule.
func checkRootPassword(l *linter) error {
	const name = "etc/shadow"
	text, err := l.read(name)
	if err != nil {
		return err
	}
	if locked := lockAccounts(text, func(user, password string) bool {
		return user == "root" && password != "" && !strings.ContainsAny(password[:1], "*!")
	}); locked != text {
		l.find(Error, name, l.rewrite(name, locked), "root has a password")
	}
	return nil
}

func checkEmptyPasswords(l *linter) error {
	for _, name := range []string{"etc/shadow", "etc/passwd"} {
		text, err := l.read(name)
		if err != nil {
			return err
		}
		var users []string
		locked := lockAccounts(text, func(user, password string) bool {
			if password != "" {
				return false
			}
			users = append(users, user)
			return true
		})
		if len(users) > 0 {
			l.find(Error, name, l.rewrite(name, locked), "no password is needed for %q", users)
		}
	}
	return nil
}

// lockAccounts gives the accounts of a shadow(5) or passwd(5) that match the
// password *.
func lockAccounts(text string, match func(user, password string) bool) string {
	return editLines(text, func(line string) (string, bool) {
		fields := strings.SplitN(line, ":", 3)
		if len(fields) < 3 || !match(fields[0], fields[1]) {
			return line, true
		}
		fields[1] = "*"
		return strings.Join(fields, ":"), true
	})
}
