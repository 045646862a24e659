package epp

import (
	"fmt"
	"io/fs"
	"strings"
)

// Result codes of RFC 5730, section 3, that something is done about.
const (
	CodeOK             = 1000
	CodePending        = 1001 // accepted; carried out later
	CodeEnding         = 1500 // the session ends
	CodeSyntax         = 2001
	CodeUnimplemented  = 2103 // the extension is not known
	CodeRange          = 2004 // a value that cannot be
	CodePolicyValue    = 2306 // a value that the registry does not take
	CodePolicyData     = 2308 // data management policy, such as too many DS
	CodeAuthentication = 2200 // the password is wrong
	CodeAuthorization  = 2201 // not this registrar's domain
	CodeMissing        = 2303 // no such domain
	CodeStatus         = 2304 // the domain is locked
	CodeFailed         = 2400 // try again later
	CodeFailedEnding   = 2500 // the same, and the session ends
	CodeAuthEnding     = 2501 // authentication failed, and the session ends
	CodeLimitEnding    = 2502 // too many sessions, and this one ends
)

// ResultError is a command that the registry refused.
type ResultError struct {
	// Code is of RFC 5730, section 3.
	Code int
	// Message and Reasons are the registry's words.
	Message string
	Reasons []string
	// Server is the registry's identifier of the transaction, which its support asks
	// for.
	Server string
}

// Error has the code and what the registry says.
func (e *ResultError) Error() string {
	text := fmt.Sprintf("the registry answers %d %q", e.Code, e.Message)
	if len(e.Reasons) > 0 {
		text += fmt.Sprintf(" (%q)", strings.Join(e.Reasons, "; "))
	}
	return text + fmt.Sprintf(", transaction %q", e.Server)
}

// Is makes a domain that is not there fs.ErrNotExist, and one that is somebody else's, or
// a wrong password, fs.ErrPermission.
func (e *ResultError) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return e.Code == CodeMissing
	case fs.ErrPermission:
		return e.Code == CodeAuthentication || e.Code == CodeAuthorization || e.Code == CodeAuthEnding
	}
	return false
}

// Temporary says whether the same may work later.
func (e *ResultError) Temporary() bool {
	return e.Code == CodeFailed || e.Code == CodeFailedEnding || e.Code == CodeLimitEnding
}

// ends says whether the server closes the session after this code.
func ends(code int) bool { return code == CodeEnding || code >= CodeFailedEnding }
