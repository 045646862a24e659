// Package secret has the type of passwords and keys that must not be printed.
//
//	password := secret.String("hunter2")
//	fmt.Println(password)          // [redacted]
//	login(string(password))        // the only way to have it
package secret
