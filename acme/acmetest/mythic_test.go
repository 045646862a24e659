package acmetest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/internal/memnet"
)

// mythicAsk sends a request with the fake's key, and returns status and body.
func mythicAsk(t *testing.T, m *acmetest.Mythic, method, address, contentType, body string, auth func(*http.Request)) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	require.NoError(t, err)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if auth == nil {
		auth = func(r *http.Request) { r.SetBasicAuth(acmetest.MythicKeyID, acmetest.MythicSecret) }
	}
	auth(req)
	resp, err := m.Client().Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

func mythicLogin(t *testing.T, m *acmetest.Mythic) string {
	t.Helper()
	status, body := mythicAsk(t, m, http.MethodPost, m.Login(), "application/x-www-form-urlencoded", "grant_type=client_credentials", nil)
	require.Equal(t, http.StatusOK, status)
	var said struct {
		Token string `json:"access_token"`
		Life  int    `json:"expires_in"`
		Type  string `json:"token_type"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &said))
	require.Equal(t, "bearer", said.Type)
	require.Equal(t, 300, said.Life)
	return said.Token
}

// A conversation, answer for answer.
func TestMythicConversation(t *testing.T) {
	const jsonType, formType = "application/json", "application/x-www-form-urlencoded"
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{Delay: time.Hour})
	m.AddRecord("example.com",
		acmetest.MythicRecord{Host: "@", TTL: 3600, Type: "A", Data: "192.0.2.1", Template: true},
		acmetest.MythicRecord{Host: "_autodiscover._tcp", TTL: 300, Type: "SRV", Data: "mail.example.com.", Generated: true,
			Fields: map[string]int{"srv_priority": 0, "srv_weight": 0, "srv_port": 443}})
	noop := `{"records":[{"data":"challengetoken","host":"_acme-challenge.noop","ttl":3600,"type":"TXT"}]}` + "\n"
	for _, step := range []struct {
		method, path, contentType, body string
		status                          int
		want                            string
	}{
		{"GET", "/zones", "", "", 200, `{"zones":["example.com"]}` + "\n"},
		{"POST", "/zones/example.com/records", jsonType, `{"records": [{"host": "_acme-challenge.noop", "type": "TXT", "data": "challengetoken", "ttl": 3600}]}`, 200, `{"message":"1 records added","records_added":1}` + "\n"},
		{"GET", "/zones/example.com/records/_acme-challenge.noop/TXT?verify", "", "", 409, "{\n  \"errors\": [\n    \"Received 0 record(s), expected 1 from ns1.mythic-beasts.com.\",\n    \"Received 0 record(s), expected 1 from ns2.mythic-beasts.com.\"\n  ]\n}\n"},
		{"GET", "/zones/example.com/records/_acme-challenge.noop/TXT", "", "", 200, noop},
		{"SETTLE", "", "", "", 0, ""},
		{"GET", "/zones/example.com/records/_acme-challenge.noop/TXT?verify", "", "", 200, noop},
		{"POST", "/zones/example.com/records", jsonType, `{"records": [{"host": "_acme-challenge.noop", "type": "TXT", "data": "challengetoken", "ttl": 3600}]}`, 400, "{\n  \"errors\": [\n    \"Duplicate record '_acme-challenge.noop 3600 TXT \\\"challengetoken\\\"'\"\n  ]\n}\n"},
		{"POST", "/zones/example.com/records/test1/A", formType, "data=192.0.2.3", 200, `{"message":"1 records added","records_added":1}` + "\n"},
		{"POST", "/zones/example.com/records", formType, "host=@&type=TXT&data=x", 200, `{"message":"1 records added","records_added":1}` + "\n"},
		{"POST", "/zones/example.com/records/@/MX", jsonType, `{"records":[{"data":"mx.example.com.","mx_priority":10}]}`, 200, `{"message":"1 records added","records_added":1}` + "\n"},
		{"GET", "/zones/example.com/records/@/MX", "", "", 200, `{"records":[{"data":"mx.example.com.","host":"@","mx_priority":10,"ttl":300,"type":"MX"}]}` + "\n"},
		{"PUT", "/zones/example.com/records/test1/A", jsonType, `{"records":[{"data":"192.0.2.4","ttl":60}]}`, 200, `{"message":"1 records added","records_added":1,"records_removed":1}` + "\n"},
		{"GET", "/zones/example.com/records?host=TEST1&type=A", "", "", 200, `{"records":[{"data":"192.0.2.4","host":"test1","ttl":60,"type":"A"}]}` + "\n"},
		{"GET", "/zones/example.com/records?select=host%3Dtest1%26type%3DA&select=type%3DMX", "", "", 200, `{"records":[{"data":"mx.example.com.","host":"@","mx_priority":10,"ttl":300,"type":"MX"},{"data":"192.0.2.4","host":"test1","ttl":60,"type":"A"}]}` + "\n"},
		{"GET", "/zones/example.com/records?type=A&type=SRV&exclude-generated", "", "", 200, `{"records":[{"_template":true,"data":"192.0.2.1","host":"@","ttl":3600,"type":"A"},{"data":"192.0.2.4","host":"test1","ttl":60,"type":"A"}]}` + "\n"},
		{"GET", "/zones/example.com/records?type=A&type=SRV&exclude-template", "", "", 200, `{"records":[{"_generated":true,"data":"mail.example.com.","host":"_autodiscover._tcp","srv_port":443,"srv_priority":0,"srv_weight":0,"ttl":300,"type":"SRV"},{"data":"192.0.2.4","host":"test1","ttl":60,"type":"A"}]}` + "\n"},
		{"GET", "/zones/example.com/records/nothing/TXT", "", "", 200, `{"records":[]}` + "\n"},
		{"DELETE", "/zones/example.com/records/_acme-challenge.noop/TXT?data=other", "", "data=challengetoken", 200, `{"records_removed":0}` + "\n"},
		{"DELETE", "/zones/example.com/records/_acme-challenge.noop/TXT?data=challengetoken", "", "", 200, `{"records_removed":1}` + "\n"},
		{"DELETE", "/zones/example.com/records/_acme-challenge.noop/TXT?data=challengetoken", "", "", 200, `{"records_removed":0}` + "\n"},
		{"DELETE", "/zones/example.com/records/@/A", "", "", 200, `{"records_removed":0}` + "\n"}, // inherited
		{"GET", "/zones/example.org/records", "", "", 403, "{\n  \"error\": \"Access denied\"\n}\n"},
	} {
		if step.method == "SETTLE" {
			m.Settle()
			continue
		}
		status, body := mythicAsk(t, m, step.method, m.API()+step.path, step.contentType, step.body, nil)
		require.Equal(t, step.status, status, "%s %s: %s", step.method, step.path, body)
		require.Equal(t, step.want, body, "%s %s", step.method, step.path)
	}
	// The body of DELETE is not looked at: all values go.
	for _, v := range []string{"1", "2"} {
		mythicAsk(t, m, http.MethodPost, m.API()+"/zones/example.com/records/two/TXT", formType, "data="+v, nil)
	}
	_, body := mythicAsk(t, m, http.MethodDelete, m.API()+"/zones/example.com/records/two/TXT", formType, "data=1", nil)
	require.Equal(t, `{"records_removed":2}`+"\n", body)
}

func TestMythicRefusals(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	records := m.API() + "/zones/example.com/records"
	for _, c := range []struct {
		method, address, contentType, body string
		status                             int
		want                               string
	}{
		{"GET", m.API() + "/nothing", "", "", 404, "<h1>Not Found</h1>"},
		{"GET", m.V1() + "nothing", "", "", 404, "<!DOCTYPE HTML"},
		{"GET", m.Login(), "", "", 405, "<html>"},
		{"PATCH", records, "", "", 405, "<html>"},
		{"POST", m.Login(), "application/x-www-form-urlencoded", "grant_type=password", 400, "unsupported_grant_type"},
		{"POST", records, "text/dns", "www 300 A 192.0.2.1\n", 415, "text/dns"},
		{"PUT", records, "", "{}", 415, "is not supported here"},
		{"POST", records, "application/json", "{", 400, "Invalid JSON"},
		{"POST", records, "application/json", `{"records":[{"host":"a","type":"TXT"}]}`, 400, "Missing host, type or data"},
		{"POST", records, "application/json", `{"records":[{"host":"a","type":"TXT","data":"x","ttl":-1}]}`, 400, "Invalid TTL"},
		{"POST", records, "application/json", `{"records":[{"host":"a","type":"TXT","data":"x","ttl":"soon"}]}`, 400, "Invalid value for 'ttl'"},
		{"POST", records + "/b/TXT", "application/json", `{"records":[{"host":"a","type":"TXT","data":"x"}]}`, 400, "does not match URL"},
		{"POST", records + "/b/TXT", "application/x-www-form-urlencoded", `%zz`, 400, "Invalid form"},
		{"POST", records + "/b/TXT", "application/json", strings.Repeat(" ", 1<<20+1), 413, "<html>"},
		{"GET", records + "?colour=red", "", "", 400, "Unknown filter 'colour'"},
		{"GET", records + "?select=colour%3Dred", "", "", 400, "Unknown filter 'colour'"},
		{"GET", records + "?select=%25zz", "", "", 400, "Invalid select"},
	} {
		status, body := mythicAsk(t, m, c.method, c.address, c.contentType, c.body, nil)
		require.Equal(t, c.status, status, "%s %s", c.method, c.address)
		require.Contains(t, body, c.want, "%s %s", c.method, c.address)
	}
	require.Empty(t, m.Records("example.com"))
}

// A token is for one address and 300 s.
func TestMythicTokens(t *testing.T) {
	var network memnet.Network
	l, err := network.Listen(netip.MustParseAddrPort("127.0.0.1:443"))
	require.NoError(t, err)
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{Listener: l, Dial: network.DialContext})
	token := mythicLogin(t, m)
	with := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	zones := func(token string) int {
		status, _ := mythicAsk(t, m, http.MethodGet, m.API()+"/zones", "", "", with(token))
		return status
	}
	require.Equal(t, http.StatusOK, zones(token))
	require.Equal(t, http.StatusUnauthorized, zones("another"))
	require.Equal(t, http.StatusUnauthorized, zones(""))
	status, body := mythicAsk(t, m, http.MethodGet, m.API()+"/zones", "", "", func(*http.Request) {})
	require.Equal(t, http.StatusUnauthorized, status)
	require.Contains(t, body, "Access denied")

	m.Advance(299 * time.Second)
	require.Equal(t, http.StatusOK, zones(token))
	m.Advance(time.Second)
	require.Equal(t, http.StatusUnauthorized, zones(token))
	token = mythicLogin(t, m)
	require.Equal(t, http.StatusOK, zones(token))
	m.RevokeTokens()
	require.Equal(t, http.StatusUnauthorized, zones(token))
	require.Equal(t, 2, m.Logins())

	status, body = mythicAsk(t, m, http.MethodPost, m.Login(), "application/x-www-form-urlencoded", "grant_type=client_credentials", func(r *http.Request) { r.SetBasicAuth(acmetest.MythicKeyID, "wrong") })
	require.Equal(t, http.StatusUnauthorized, status)
	require.JSONEq(t, `{"error":"invalid_client","error_description":"Invalid credentials"}`, body)
}

// What is not done by itself takes the delay, and comes in its order.
func TestMythicDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network memnet.Network
		l, err := network.Listen(netip.MustParseAddrPort("127.0.0.1:443"))
		require.NoError(t, err)
		m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{Delay: 2 * time.Minute, Listener: l, Dial: network.DialContext})
		address := m.API() + "/zones/example.com/records/a/TXT"
		verify := func() int {
			status, _ := mythicAsk(t, m, http.MethodGet, address+"?verify", "", "", nil)
			return status
		}
		mythicAsk(t, m, http.MethodPost, address, "application/x-www-form-urlencoded", "data=x", nil)
		require.Equal(t, http.StatusConflict, verify())
		<-time.After(time.Minute)
		mythicAsk(t, m, http.MethodDelete, address, "", "", nil)
		<-time.After(61 * time.Second)
		require.Equal(t, http.StatusConflict, verify(), "it came, and is to be gone")
		<-time.After(time.Minute)
		require.Equal(t, http.StatusOK, verify())
	})
}

func TestMythicV1(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	m.AddRecord("example.com", acmetest.MythicRecord{Host: "@", TTL: 300, Type: "A", Data: "192.0.2.9", Template: true})
	for _, c := range []struct {
		form   string
		status int
		want   string
	}{
		{"command=ADD www 86400 A 192.0.2.1", 200, "ADD www 86400 A 192.0.2.1\n"},
		{"command=ADD www 86400 A 192.0.2.1", 200, "NADD www 86400 A 192.0.2.1; Can't have multiple identical records\n"},
		{"command=ADD www 86400 A 192.0.2.2&command=ADD www 60 A 192.0.2.1", 200, "ADD www 86400 A 192.0.2.2\nNADD www 60 A 192.0.2.1; Can't have multiple identical records\n"},
		{"command=LIST", 200, "www 86400 A 192.0.2.1\n"},
		{"command=LIST&showall=1", 200, "@ 300 A 192.0.2.9\nwww 86400 A 192.0.2.1\n"},
		{"command=ADD @ 300 MX 10 mx.example.com.&command=ADD _x 60 TXT \"a b\"", 200, "ADD @ 300 MX 10 mx.example.com.\nADD _x 60 TXT \"a b\"\n"},
		{"command=DELETE _x 61 TXT a b", 200, "NDELETE _x 61 TXT a b; Record does not exist\n"},
		{"command=DELETE _x 60 TXT a b", 200, "DELETE _x 60 TXT a b\n"},
		{"command=REPLACE www 60 A DYNAMIC_IP", 200, "REPLACE www 60 A DYNAMIC_IP\n"},
		{"origin=.&command=ADD b.example.com. 60 CNAME www", 200, "ADD b.example.com. 60 CNAME www\n"},
		{"origin=.&command=ADD example.com 60 TXT x", 200, "ADD example.com 60 TXT x\n"},
		{"command=LIST", 200, "@ 300 MX 10 mx.example.com.\nwww 60 A 127.0.0.1\nb 60 CNAME www\n@ 60 TXT \"x\"\n"},
		{"origin=.&command=ADD b.example.org. 60 A 192.0.2.1", 400, "Host is not in the domain\n"},
		{"origin=example.org&command=ADD b 60 A 192.0.2.1", 400, "Bad origin\n"},
		{"command=FROB", 400, "Unknown command\n"},
		{"command=ADD www", 400, "Bad command\n"},
		{"command=ADD www x A 192.0.2.1", 400, "Bad TTL\n"},
		{"command=ADD @ 60 MX mx.example.com.", 400, "Bad data\n"},
		{"%zz", 400, "Bad request\n"},
		{"password=wrong&command=LIST", 401, "Invalid domain or password\n"},
		{"password=&command=LIST", 401, "Invalid domain or password\n"},
		{"domain=example.org&command=LIST", 401, "Invalid domain or password\n"},
	} {
		form := c.form
		if values, err := url.ParseQuery(c.form); err == nil {
			for name, value := range map[string]string{"domain": "example.com", "password": acmetest.MythicPassword} {
				if !values.Has(name) {
					values.Set(name, value)
				}
			}
			form = values.Encode()
		}
		status, body := mythicAsk(t, m, http.MethodPost, m.V1(), "application/x-www-form-urlencoded", form, nil)
		require.Equal(t, c.status, status, c.form)
		require.Equal(t, c.want, body, c.form)
	}
}

// Changes reach the DNS.
func TestMythicDNS(t *testing.T) {
	dns := acmetest.NewDNS(t, acmetest.DNSOptions{})
	m := acmetest.NewMythic(t, dns, acmetest.MythicOptions{Zones: []string{"Example.com."}})
	records := m.API() + "/zones/EXAMPLE.com/records/_acme-challenge/TXT"
	form := "application/x-www-form-urlencoded"
	mythicAsk(t, m, http.MethodPost, records, form, "data=one", nil)
	mythicAsk(t, m, http.MethodPost, records, form, "data=two", nil)
	require.Equal(t, []string{"one", "two"}, dns.TXT("_acme-challenge.example.com."))
	mythicAsk(t, m, http.MethodPut, records+"?data=one", form, "data=three", nil)
	require.Equal(t, []string{"three", "two"}, dns.TXT("_acme-challenge.example.com."))
	mythicAsk(t, m, http.MethodDelete, records, form, "", nil)
	require.Empty(t, dns.TXT("_acme-challenge.example.com."))
}
