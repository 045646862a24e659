package mythic

import "time"

// The parsers of answers, for fuzz targets.
var (
	ParseToken      = parseToken
	ParseAnswer     = parseAnswer
	ParseCommands   = parseCommands
	RetryAfter      = retryAfter
	ParseDuplicates = func(body []byte) (hosts, values []string, only bool) {
		found, only := reply{body: body}.duplicates()
		for _, key := range found {
			hosts, values = append(hosts, key.host), append(values, key.value)
		}
		return hosts, values, only
	}
	Refusal = func(op string, status int, body []byte, secret string) error {
		return newError(op, reply{status: status, body: body, secrets: []string{secret}})
	}
	ParseList = func(text, domain string) (hosts, values []string, ttls []time.Duration) {
		for _, ch := range parseList(text, domain) {
			hosts, values = append(hosts, ch.host), append(values, ch.value)
			ttls = append(ttls, time.Duration(ch.ttl)*time.Second)
		}
		return hosts, values, ttls
	}
)
