package kv

import (
	"context"
	"slices"
)

type fenceKey struct{ store any }

// WithFence returns a context made from ctx that carries a lock of a store, after
// those that ctx has.
func WithFence(ctx context.Context, store, lock any) context.Context {
	return context.WithValue(ctx, fenceKey{store}, append(slices.Clip(Fences(ctx, store)), lock))
}

// Fences are the locks of the store under which ctx's work is done.
func Fences(ctx context.Context, store any) []any {
	locks, _ := ctx.Value(fenceKey{store}).([]any)
	return locks
}
