package web_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/web"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"kernel8.img":            "kernel8.img",
		"a\x00b\nc\x1b[2J":       "a\ufffdb\ufffdc\ufffd[2J",
		"gpj.\u202Eexe":          "gpj.\ufffdexe",
		"\xff\xfe":               "\ufffd\ufffd",
		strings.Repeat("é", 700): strings.Repeat("é", 600) + "…",
	} {
		require.Equal(t, want, web.Printable(in))
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:                         "0 s",
		59 * time.Second:                     "59 s",
		61 * time.Second:                     "1 min",
		2*time.Hour + 30*time.Minute:         "2 h 30 min",
		50 * time.Hour:                       "2 d 2 h",
		90*24*time.Hour + 5*time.Hour:        "90 days",
		23*time.Hour + 59*time.Minute + 59e9: "23 h 59 min",
	} {
		require.Equal(t, want, web.Span(d))
	}
	require.Equal(t, "in 1 min", web.Distance(began.Add(time.Minute), began))
	require.Equal(t, "2 d 0 h ago", web.Distance(began, began.Add(48*time.Hour)))
}

// Errors are sentences for people, without the names of packages.
func TestSentence(t *testing.T) {
	for want, err := range map[string]error{
		"Port 3 is locked until 12:00.": fmt.Errorf("demo: port 3 is locked until 12:00: %w", model.ErrRefused),
		"It is busy.":                   fmt.Errorf("demo: pi: %w: it is busy", model.ErrRefused),
		"The password is too short.":    fmt.Errorf("account: the password is too short: %w", account.ErrInvalid),
		"Open \"a\": it is not there.":  errors.New(`demo: open "a": it is not there`),
		"Refused.":                      model.ErrRefused,
		"A\ufffdb.":                     errors.New("a\nb"),
		"":                              errors.New(""),
	} {
		require.Equal(t, want, web.Sentence(err))
	}
}

// After the login one stays here, whatever the address says.
func TestNext(t *testing.T) {
	for in, want := range map[string]string{
		"/pis/pi-01": "/pis/pi-01", "/": "/", "/sites?x=1": "/sites?x=1",
		"": "/", "//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/", "/\t/evil.example": "/", "pis": "/",
	} {
		require.Equal(t, want, web.Next(in), in)
	}
}

func TestAllowedHost(t *testing.T) {
	hosts := []string{"panel.example"}
	for host, want := range map[string]bool{
		"127.0.0.1:8480": true, "127.0.0.1": true, "[::1]:8480": true, "[::1]": true, "localhost:8480": true, "localhost": true,
		"panel.example": true, "Panel.Example:443": true, "localhost.": false,
		"": false, "evil.example": false, "evil.example:8480": false, "127.0.0.1.evil.example": false, "localhost.evil.example:1": false, "[": false,
	} {
		require.Equal(t, want, web.AllowedHost(host, hosts), host)
	}
}

func TestMarked(t *testing.T) {
	require.Equal(t, []web.Run{{Text: "a "}, {Text: "Panic", Hit: true}, {Text: ", "}, {Text: "PANIC", Hit: true}}, web.Marked("a Panic, PANIC", "panic"))
	require.Equal(t, []web.Run{{Text: "all"}}, web.Marked("all", ""))
	require.Equal(t, []web.Run{{Text: "none"}}, web.Marked("none", "x"))
	require.Equal(t, []web.Run{{Text: "Ⱥx"}}, web.Marked("Ⱥx", "x"), "its lower case has another length: nothing is cut in the middle")
}
