// Package access is the one place that says who may do what to the house.
//
//	house := access.Guarded{House: all, Viewer: who.Viewer(), Actor: who.Actor(), Audit: log}
//	err := house.Power(ctx, "pi-01", model.Cycle, "it hangs", "")
//
// A [Guarded] house is a [model.House]. Reading shows what the viewer may see. A change is
// written to the audit log before it is made, and what became of it after that; what cannot
// be written down is not done. [Rules] has a rule for every method.
package access
