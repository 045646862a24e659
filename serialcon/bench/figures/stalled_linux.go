package main

import "context"

func (o *options) stalled(context.Context) error { return nil }
