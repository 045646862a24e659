package demo_test

import (
	"fmt"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/demo"
)

// A house larger than a shelf is refused.
func ExampleNew() {
	_, err := demo.New(demo.Options{Pis: 97})
	fmt.Println(err)
	// Output: demo: 97 Pis: it must be between 1 and 96
}

// A Pi that does not work is power-cycled twice, and then left to a person.
func ExampleHeal() {
	policy := demo.HealPolicy{Max: 2, Window: time.Hour, First: 10 * time.Second}
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	var done demo.Healed
	for range 3 {
		var what demo.Healing
		done, what = demo.Heal(policy, done, "it gave up booting", now)
		fmt.Println(what.Cycle, what.Words)
		now = now.Add(time.Minute)
	}
	// Output:
	// true power-cycled because it gave up booting (1 of 2)
	// true power-cycled because it gave up booting (2 of 2)
	// false it gave up booting; power-cycled 2 times in 1h0m0s without lasting effect, so it is left alone until 13:00:00 UTC: look at the Pi, its cable and its port
}
