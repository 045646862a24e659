package api_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/access/accesstest"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/api"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

func Example() {
	ctx := context.Background()
	records, err := audit.Open(audit.Options{})
	if err != nil {
		log.Fatal(err)
	}
	store, err := account.Open(account.Options{Audit: records, Hash: account.Cost{Time: 1, Memory: 64, Threads: 1}})
	if err != nil {
		log.Fatal(err)
	}
	password := daemon.NewSecret("four words and more")
	if err := store.Add(ctx, account.System(), "alice", account.Customer, password); err != nil {
		log.Fatal(err)
	}
	session, err := store.Login(ctx, account.Attempt{Name: "alice", Password: password})
	if err != nil {
		log.Fatal(err)
	}
	who, err := store.Session(ctx, session.Token, session.From)
	if err != nil {
		log.Fatal(err)
	}
	token, err := store.NewToken(ctx, who, "a script", account.Read, time.Hour)
	if err != nil {
		log.Fatal(err)
	}

	handler := api.New(api.Options{House: accesstest.New(), Accounts: store, Audit: records})
	r := httptest.NewRequest(http.MethodGet, "/api/v1/pis/pi-01/boots?limit=1", nil)
	r.Header.Set("Authorization", "Bearer "+token.Secret.Reveal())
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Print(w.Body)
	// Output:
	// {"items":[{"began":"2001-09-09T01:46:40Z","class":"up","stage":"","loaded":0,"total":0,"resent":0}]}
}
