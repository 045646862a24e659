package model_test

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// A customer sees what is theirs, an operator everything.
func Example() {
	shelf := model.Shelf{Name: "shelf-1", Pis: []model.Pi{
		{Name: "pi-01", Owner: "alice"},
		{Name: "pi-02", Owner: "bob"},
	}}
	fmt.Println(len(model.Viewer{Name: "alice"}.Shelf(shelf).Pis))
	fmt.Println(len(model.Viewer{Name: "noc", Operator: true}.Shelf(shelf).Pis))
	// Output:
	// 1
	// 2
}
