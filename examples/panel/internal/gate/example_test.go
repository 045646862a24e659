package gate_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/gate"
)

func Example() {
	store, err := account.Open(account.Options{})
	if err != nil {
		log.Fatal(err)
	}
	g := &gate.Gate{Store: store, TLS: true}
	pages := g.Need("/login", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, _ := gate.From(r.Context())
		fmt.Fprintln(w, "hello", who.Name)
	}))
	w := httptest.NewRecorder()
	g.Handler(pages).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/pis?shelf=1", nil))
	fmt.Println(w.Code, w.Header().Get("Location"))
	// Output: 303 /login?next=%2Fpis%3Fshelf%3D1
}
