package hook

import (
	"context"
	"fmt"
	"strings"
)

// RunParts serves a call of dehydrated-code-rack, which runs all programs of a folder
// by run-parts and gives them dehydrated's arguments as variables. Event is the name
// of the folder, such as "deploy-challenge" or "deploy-challenge.d": in a program
// filepath.Base(filepath.Dir(os.Args[0])). Getenv is [os.Getenv].
//
// ARGS has the triples of all names with HOOK_CHAIN. Without it they are DOMAIN,
// TOKEN_FILENAME and TOKEN_VALUE.
func (h *Hook) RunParts(ctx context.Context, event string, getenv func(string) string) error {
	name := strings.ReplaceAll(strings.TrimSuffix(event, ".d"), "-", "_")
	args := []string{name}
	switch name {
	case "deploy_challenge", "clean_challenge":
		if all := strings.Fields(getenv("ARGS")); len(all) > 0 {
			args = append(args, all...)
			break
		}
		args = append(args, getenv("DOMAIN"), getenv("TOKEN_FILENAME"), getenv("TOKEN_VALUE"))
	default:
		for _, variable := range runPartsVariables[name] {
			args = append(args, getenv(variable))
		}
	}
	if err := h.dehydrated(ctx, name, args[1:]); err != nil {
		return fmt.Errorf("hook: run-parts: %s: %w", name, err)
	}
	return nil
}

// runPartsVariables are the variables with dehydrated's arguments, in their order.
var runPartsVariables = map[string][]string{
	"deploy_cert":       {"DOMAIN", "KEYFILE", "CERTFILE", "FULLCHAINFILE", "CHAINFILE", "TIMESTAMP"},
	"invalid_challenge": {"DOMAIN", "RESPONSE"},
	"request_failure":   {"STATUSCODE", "REASON", "REQTYPE", "HEADERS"},
	"exit_hook":         {"ERROR"},
	"sync_cert":         {"KEYFILE", "CERTFILE", "FULLCHAINFILE", "CHAINFILE"},
}
