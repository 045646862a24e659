package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/web"
)

// A page elsewhere that makes its name point to the panel is not answered.
func Example() {
	accounts, err := account.Open(account.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer accounts.Close()
	log, err := audit.Open(audit.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	site, err := web.New(web.Options{House: newHouse(), Accounts: accounts, Audit: log, Hosts: []string{"panel.example"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, host := range []string{"panel.example", "evil.example"} {
		reply := httptest.NewRecorder()
		site.Handler().ServeHTTP(reply, httptest.NewRequest(http.MethodGet, "http://"+host+"/login", nil))
		fmt.Println(host, reply.Code)
	}
	// Output:
	// panel.example 200
	// evil.example 421
}
