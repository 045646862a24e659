package conlog_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

// writerEnv makes this test binary the program that is killed.
const writerEnv = "CONLOG_TEST_WRITER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerEnv); dir != "" {
		if err := writeForEver(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// writeForEver writes numbered lines in bursts that end anywhere, while
// segments are closed and compressed, and tells which are durable.
func writeForEver(dir string) error {
	l, err := conlog.Open(dir, conlog.Options{SegmentSize: 30_000})
	if err != nil {
		return err
	}
	go func() {
		for l.Keep(context.Background()) == nil {
		}
	}()
	next, _ := strconv.Atoi(os.Getenv("CONLOG_TEST_NEXT"))
	var text []byte
	for burst := 1; ; burst++ {
		for len(text) < 300 {
			text = fmt.Appendf(text, "number %d\n", next)
			next++
		}
		n := 1 + rand.IntN(len(text))
		if err := l.Write(time.Now(), text[:n]); err != nil {
			return err
		}
		text = text[n:]
		if burst%50 == 0 {
			if err := l.Sync(); err != nil {
				return err
			}
			done := next - 1 - strings.Count(string(text), "\n")
			fmt.Println("durable", done)
		}
	}
}

func TestKilledUnderLoad(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	dir := folder(t)
	next := 0
	for round := range 6 {
		cmd := exec.CommandContext(t.Context(), exe)
		cmd.Env = append(os.Environ(), writerEnv+"="+dir, "CONLOG_TEST_NEXT="+strconv.Itoa(next))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		durable, s := 0, bufio.NewScanner(out)
		for told := 0; told < 10+7*round && s.Scan(); told++ {
			durable, err = strconv.Atoi(strings.TrimPrefix(s.Text(), "durable "))
			require.NoError(t, err)
		}
		require.NoError(t, cmd.Process.Kill())
		for s.Scan() { // what it said before it died
			if n, err := strconv.Atoi(strings.TrimPrefix(s.Text(), "durable ")); err == nil {
				durable = n
			}
		}
		require.Error(t, cmd.Wait())

		before := raw(t, dir)
		l := open(t, dir, conlog.Options{SegmentSize: 30_000})
		require.Equal(t, before, raw(t, dir), "mending changes no byte")
		next = numbers(t, before)
		require.GreaterOrEqual(t, next-1, durable, "what was made durable is there")
		if !strings.HasSuffix(before, "\n") {
			require.NoError(t, l.Write(time.Now(), []byte("\n")))
			next = numbers(t, before+"\n")
		}
		require.NoError(t, l.Close())
		t.Logf("round %d: durable up to %d, kept up to %d, %d segments", round, durable, next-1, strings.Count(names(t, dir), "zst"))
	}
	require.Contains(t, names(t, dir), ".zst", "segments were compressed meanwhile")
}

// numbers checks that the lines count up, each once, except for the one that a
// kill cut off in the writer's memory, and returns the next.
func numbers(t *testing.T, text string) int {
	t.Helper()
	want := 0
	for line := range strings.Lines(text) {
		if line == fmt.Sprintf("number %d\n", want) {
			want++
			continue
		}
		require.True(t, strings.HasPrefix(fmt.Sprintf("number %d\n", want), strings.TrimSuffix(line, "\n")), "line %q, want number %d", line, want)
	}
	return want
}
