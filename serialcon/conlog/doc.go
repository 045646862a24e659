// Package conlog keeps what serial consoles say: every byte, when it came, and
// what happened meanwhile, for years, in plain files.
//
//	logs := &conlog.Store{Dir: "/var/log/consoles", Quota: 100 << 30}
//	l, err := logs.Open("pi-042")          // a serialcon.Log
//	go logs.Run(ctx)                       // durable once a second, compressed, bounded
//	err = l.Search(ctx, conlog.Query{Text: "panic"}, func(line conlog.Line) error { … })
//
// A [Log] is a folder of segments. A segment is text, one record a line: the
// time in UTC to the millisecond, a character for the kind, the payload.
//
//	2026-11-26T06:46:03.123Z U-Boot 2024.01           a line of the port
//	2026-11-26T06:46:03.140Z+raspberrypi login:       bytes without a line feed yet
//	2026-11-26T06:46:09.000Z!{"kind":"attached",…}    an event
//	2026-11-26T06:46:09.000Z#{"mono":5877000000,…}    wall and monotonic clock
//
// The payloads of the first two kinds, with a line feed after each of the
// first, are the port's bytes, exactly. Since a line feed of the port ends a record,
// whatever it says stands behind a stamp and a kind of ours: it cannot forge an
// event or a time. A burst is one write(2), and is in the file when Write
// returns; a prompt without a line feed does not wait.
//
// Closed segments are compressed by zstd in frames of 256 KiB with an index of
// times; zstdgrep reads them too. A crash at any step leaves each byte readable
// once. A [Reader] reads a log that a process writes to.
//
// What it refuses to do: it never truncates a file that is written to, never
// waits for a disk that is full (it counts what is lost, and says so in the log
// later), never follows a symbolic link.
package conlog
