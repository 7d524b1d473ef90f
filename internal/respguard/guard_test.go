package respguard

import (
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tidwall/redcon"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tight makes every limit reachable with a short input.
var tight = Limits{MaxArgs: 20, MaxBulkBytes: 40000, MaxCommandBytes: 50000, MaxInlineBytes: 100, LargeBytes: 64}

// through sends the chunks through a guard and redcon's own parser.
func through(t testing.TB, chunks [][]byte, lim Limits, auth bool) verdict {
	t.Helper()
	lim.AuthRequired = !auth
	g := New(lim)
	nc := &script{chunks: chunks}
	c := g.admit(nc)
	rd := redcon.NewReader(c)
	v := verdict{reply: "-"}
	for {
		cmd, err := rd.ReadCommand()
		var bad *Violation
		switch {
		case errors.As(err, &bad):
			v.reply = bad.Reply
			want := ""
			if bad.Reply != "" {
				want = "-" + bad.Reply + "\r\n"
			}
			if got := nc.wrote.String(); got != want || !nc.closed {
				t.Fatalf("client got %q (closed %v), want %q and closed", got, nc.closed, want)
			}
		case err != nil && err != io.EOF:
			t.Fatalf("redcon did not like what the guard let through: %v", err)
		}
		if err != nil {
			c.Close()
			if g.Clients() != 0 || g.large.Load() != 0 {
				t.Fatalf("%d clients and %d bytes are still charged", g.Clients(), g.large.Load())
			}
			return v
		}
		var args []string
		for _, a := range cmd.Args {
			args = append(args, string(a))
		}
		v.cmds = append(v.cmds, args)
	}
}

// lent is through for a server that shares a Buffer between its connections: what is
// lent to a connection holds something else as soon as the connection is done with it.
func lent(t testing.TB, chunks [][]byte, lim Limits, auth bool) verdict {
	t.Helper()
	lim.AuthRequired = !auth
	nc := &script{}
	c := New(lim).admit(nc)
	defer c.Close()
	v := verdict{reply: "-"}
	var buf Buffer
	for i := 0; ; i++ {
		var fed []byte
		var err error = io.EOF
		if i < len(chunks) {
			fed, err = append(fed, chunks[i]...), nil
		}
		c.Feed(fed, err)
		for {
			var batch []byte
			if batch, err = c.Next(&buf); len(batch) == 0 {
				break
			}
			for len(batch) > 0 {
				whole, args, _, rest, err := redcon.ReadNextCommand(batch, nil)
				if !whole || err != nil {
					t.Fatalf("redcon did not like %.80q: %v", batch, err)
				}
				var words []string
				for _, a := range args {
					words = append(words, string(a))
				}
				v.cmds, batch = append(v.cmds, words), rest
			}
		}
		c.Done(&buf)
		for _, b := range [][]byte{fed, buf.out[:cap(buf.out)]} {
			for k := range b {
				b[k] = '?'
			}
		}
		var bad *Violation
		if errors.As(err, &bad) {
			v.reply = bad.Reply
		}
		if err != nil {
			return v
		}
	}
}

var streams = []string{
	"*1\r\n$4\r\nPING\r\n",
	"*2\r\n$4\r\nPING\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n",
	"PING\r\nPING\n  \r\n\r\nping a b\r\n",
	"*1\r\n$9223372036854775807\r\n",
	"*9223372036854775807\r\n",
	"*1\r\n$9223372036854775806\r\nx",
	"*99999999999999999999999999999999\r\n",
	"*-9223372036854775808\r\nPING\r\n",
	"*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n",
	"*01\r\n", "*+1\r\n", "* 1\r\n", "*\r\n", "*-\r\n", "*-0\r\n", "*x\r\n", "*1x\r\n", "*1\n$4\n",
	"*1\r\n$-1\r\n", "*1\r\n$04\r\nPING\r\n", "*1\r\n$\r\n", "*1\r\n$4x\r\n",
	"*1\r\n+PING\r\n", "*1\r\n\r\n", "*1\r\n\n",
	"*1\rX$4\rYPINGab*1\r\n$4\r\nPONG\r\n",
	"*" + strings.Repeat("1", 200), "*1\r\n$" + strings.Repeat("1", 200),
	"*" + strings.Repeat("1", 60) + "\r\n",
	strings.Repeat("a", 101), strings.Repeat("a", 100) + "\n", strings.Repeat("\"\" ", 33) + "\n",
	"*11\r\n" + strings.Repeat("$1\r\na\r\n", 11), "*21\r\n",
	"*1\r\n$16384\r\n" + strings.Repeat("b", 16384) + "\r\nPING\r\n",
	"*1\r\n$16385\r\n" + strings.Repeat("b", 16385) + "\r\nPING\r\n",
	"*2\r\n$30000\r\n" + strings.Repeat("b", 30000) + "\r\n$30000\r\n",
	"*1\r\n$40001\r\n",
	"POST / HTTP/1.1\r\nHost: x\r\n", "PING\r\nhost: evil\r\n", "*2\r\n$4\r\npOsT\r\n$1\r\n/\r\n", "*1\r\n$5\r\nHOST:\r\n",
	"*2\r\n$1\r\n1\r\n$4\r\nPOST\r\n",
	`set "a b" 'c d' "\x41\n\q\"" 'it\'s \n'` + "\r\n", `a"b c" d'e f'` + "\n", `a"b"c` + "\n", `"a` + "\n", `'a` + "\n", `"a\` + "\n",
	`"a""b"` + "\n", "a\vb \vc \"d\"\ve\n", `"\x4" "\xzz" '\x41'` + "\n", "\"\" ''\n",
}

// TestVerdicts compares the guard with the oracle, for every way to split the
// stream.
func TestVerdicts(t *testing.T) {
	lim := tight.withDefaults()
	for _, in := range streams {
		for _, auth := range []bool{true, false} {
			want := oracle(in, lim, auth).String()
			steps := []int{0, 1, 2, 3, 7, 4096}
			if len(in) > 1000 {
				steps = []int{0, 1, 4096}
			}
			for _, n := range steps {
				if got := lent(t, cut([]byte(in), n), tight, auth).String(); got != want {
					t.Errorf("with lent memory: %.80q cut by %d, auth %v\n got %.200s\nwant %.200s", in, n, auth, got, want)
				}
				if got := through(t, cut([]byte(in), n), tight, auth).String(); got != want {
					t.Errorf("%.80q cut by %d, auth %v\n got %.200s\nwant %.200s", in, n, auth, got, want)
				}
			}
			if len(in) > 1000 {
				continue
			}
			for i := range in {
				if got := through(t, [][]byte{[]byte(in[:i]), []byte(in[i:])}, tight, auth).String(); got != want {
					t.Errorf("%.80q cut at %d, auth %v\n got %.200s\nwant %.200s", in, i, auth, got, want)
				}
			}
		}
	}
}

// TestVerdictTexts checks the texts themselves; the oracle has copies of them.
func TestVerdictTexts(t *testing.T) {
	for _, c := range []struct {
		in, reply string
		auth      bool
	}{
		{"*1\r\n$9223372036854775807\r\n", "ERR Protocol error: invalid bulk length", true},
		{"*9223372036854775807\r\n", "ERR Protocol error: invalid multibulk length", true},
		{"*11\r\n", "ERR Protocol error: unauthenticated multibulk length", false},
		{"*65537\r\n", "ERR Protocol error: invalid multibulk length", true},
		{"*65537\r\n", "ERR Protocol error: unauthenticated multibulk length", false},
		{"*2147483648\r\n", "ERR Protocol error: invalid multibulk length", false},
		{"*1\r\n$16385\r\n", "ERR Protocol error: unauthenticated bulk length", false},
		{"*1\r\n$1048577\r\n", "ERR Protocol error: invalid bulk length", true},
		{"*1\r\n$536870912\r\n", "ERR Protocol error: unauthenticated bulk length", false},
		{"*1\r\n$536870913\r\n", "ERR Protocol error: invalid bulk length", false},
		{"*1\r\nPING\r\n", "ERR Protocol error: expected '$', got 'P'", true},
		{"*" + strings.Repeat("9", 65537), "ERR Protocol error: too big mbulk count string", true},
		{"*1\r\n$" + strings.Repeat("9", 65537), "ERR Protocol error: too big bulk count string", true},
		{strings.Repeat("9", 65537), "ERR Protocol error: too big inline request", true},
		{"PING \"\n", "ERR Protocol error: unbalanced quotes in request", true},
		{"*3\r\n$1000000\r\n" + strings.Repeat("x", 1000000) + "\r\n$1000000\r\n" + strings.Repeat("x", 1000000) +
			"\r\n$100000\r\n", "ERR Protocol error: command larger than 2097152 bytes", true},
		{"POST / HTTP/1.1\r\n", "", true},
	} {
		if got := through(t, cut([]byte(c.in), 0), Limits{}, c.auth); got.reply != c.reply {
			t.Errorf("%.40q: got %q, want %q", c.in, got.reply, c.reply)
		}
	}
}

// FuzzGuard looks for input that panics or hangs, that redcon refuses, or whose
// meaning depends on how it was split.
func FuzzGuard(f *testing.F) {
	for i, s := range streams {
		if len(s) < 1000 {
			f.Add([]byte(s), uint64(i), i%2 == 0)
		}
	}
	lim := tight.withDefaults()
	f.Fuzz(func(t *testing.T, in []byte, seed uint64, auth bool) {
		want := oracle(string(in), lim, auth).String()
		rng := rand.New(rand.NewPCG(seed, 1))
		var chunks [][]byte
		for rest := in; len(rest) > 0; {
			n := 1 + rng.IntN(min(len(rest), 1+rng.IntN(30)))
			chunks = append(chunks, rest[:n])
			rest = rest[n:]
		}
		for _, ch := range [][][]byte{cut(in, 0), cut(in, 1), chunks} {
			if got := lent(t, ch, tight, auth).String(); got != want {
				t.Fatalf("with lent memory: %q, auth %v, %d chunks\n got %s\nwant %s", in, auth, len(ch), got, want)
			}
			if got := through(t, ch, tight, auth).String(); got != want {
				t.Fatalf("%q, auth %v, %d chunks\n got %s\nwant %s", in, auth, len(ch), got, want)
			}
		}
	})
}

// BenchmarkRead measures the guard's cost per command, with a pipeline of 32.
func BenchmarkRead(b *testing.B) {
	const cmd = "*3\r\n$8\r\nSENTINEL\r\n$23\r\nget-master-addr-by-name\r\n$8\r\nmymaster\r\n"
	in := []byte(strings.Repeat(cmd, 32))
	nc := &script{}
	c := New(Limits{}).admit(nc)
	defer c.Close()
	buf := make([]byte, 4096)
	b.ReportAllocs()
	b.SetBytes(int64(len(cmd)))
	chunk := make([][]byte, 1)
	for i := 0; i < b.N; i += 32 {
		chunk[0] = in
		nc.chunks = chunk
		for got := 0; got < len(in); {
			n, err := c.Read(buf)
			if err != nil {
				b.Fatal(err)
			}
			got += n
		}
	}
}
