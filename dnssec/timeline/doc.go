// Package timeline draws what happened to the keys of a zone, and what will: a row
// for each record of each key, with the states that package rotate has for it.
//
//	log.Observe(keys, now)                             // at every step
//	planned, err := timeline.Plan(state, policy, now, timeline.Assume{For: 90 * 24 * time.Hour})
//	chart := timeline.Chart{Zone: "example.com.", Now: now, Past: log.Changes, Planned: planned}
//	err = chart.WriteSVG(w)
//
// A [Log] remembers changes as they are observed. [Plan] finds out what comes: it
// runs [rotate.Step] ahead of time, in a world where everything that it asks for is
// done, and the parent takes as long as it is assumed to. The drawing is one SVG
// without scripts, styles or references, which a page with a strict content
// security policy can contain.
package timeline
