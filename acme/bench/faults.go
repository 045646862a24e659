package main

import (
	"context"
	"fmt"
)

// faults compares our client with itself, with and without what goes wrong.
func faults(ctx context.Context, rounds int, profiles string) error {
	var clean, faulty []cost
	for range rounds {
		c, err := thousand.once(ctx, "ours", faultKnobs{}, profiles)
		if err != nil {
			return err
		}
		f, err := thousand.once(ctx, "ours", faultKnobs{BadNonces: 30, Faults: 5}, profiles)
		if err != nil {
			return err
		}
		clean, faulty = append(clean, c), append(faulty, f)
	}
	printCosts("clean", clean)
	printCosts("with faults", faulty)
	const most = 2
	r := ratios(faulty, clean, seconds)
	fmt.Printf("  with faults: %s of the time%s\n", spread(r), goal("at most", most, median(r) <= most))
	return nil
}
