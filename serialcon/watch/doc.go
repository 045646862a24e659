// Package watch finds patterns in what a console says: a kernel panic, a login
// prompt, silence.
//
//	m := &watch.Matcher{Silence: 10 * time.Minute} // the patterns of Default
//	for _, match := range m.Write(at, burst) {     // serialcon's Console.Tap gives the bursts
//		fmt.Println(match.Name, match.Text)
//	}
//	for _, match := range m.Tick(now) { … } // at m.Due: prompts and silence
//
// A [Pattern] is looked for in lines as a person sees them, without escape
// sequences, and already while a line is unfinished: a panic needs no line feed
// to be found. How the stream was cut into bursts changes nothing: a match is at
// the first byte at which the pattern is complete, whatever came with it. A
// Prompt is an unfinished line that nothing follows. Patterns have a limit of
// rate each.
//
// A [Matcher] never waits, asks for no time but what its caller tells, and holds
// one line of bounded length. What a match is good for (an event, a page) is for
// its caller.
package watch
