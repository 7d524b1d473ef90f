package fakeredis

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gosentinel/sentinel/internal/words"
)

// TestBacklog compares the ring with a slice that keeps everything.
func TestBacklog(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var b backlog
	base := int64(1000)
	b.reset(base)
	var all []byte
	for range 120 {
		p := make([]byte, rnd.IntN(40_000))
		if rnd.IntN(30) == 0 {
			p = make([]byte, backlogSize+rnd.IntN(5))
		}
		for i := range p {
			p[i] = byte(rnd.Uint32())
		}
		b.append(p)
		all = append(all, p...)
		end := base + int64(len(all))
		if want := max(base, end-backlogSize); b.next != end || b.first() != want {
			t.Fatalf("holds %d to %d, want %d to %d", b.first(), b.next, want, end)
		}
		for _, from := range []int64{b.first() - 1, b.first(), b.first() + rnd.Int64N(int64(b.held)+1), end, end + 1} {
			got, ok := b.from(from)
			if want := from >= b.first() && from <= end; ok != want {
				t.Fatalf("from(%d) within %d to %d: %v", from, b.first(), end, ok)
			}
			if ok && !bytes.Equal(got, all[from-base:]) {
				t.Fatalf("from(%d): wrong bytes", from)
			}
		}
	}
	b.reset(5)
	if got, ok := b.from(5); !ok || len(got) != 0 {
		t.Errorf("after reset: %q, %v", got, ok)
	}
}

func sampleKeyspace() *keyspace {
	db := newKeyspace()
	db.set("", &value{str: ""})
	db.set("k", &value{str: "v"})
	db.set("long", &value{str: strings.Repeat("x", 1<<14)})
	db.set("mid", &value{str: strings.Repeat("y", 300)})
	db.push("list", []string{"a", "", strings.Repeat("z", 64)})
	return db
}

func FuzzSnapshot(f *testing.F) {
	whole := appendSnapshot(nil, sampleKeyspace())
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(appendSnapshot(nil, newKeyspace()))
	f.Add([]byte("REDIS0009\xfe\x00\x01\x01l\x80\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		db, err := parseSnapshot(b)
		if err != nil {
			if !errors.Is(err, errSnapshot) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		again, err := parseSnapshot(appendSnapshot(nil, db))
		if err != nil || !bytes.Equal(appendSnapshot(nil, again), appendSnapshot(nil, db)) || again.used != db.used {
			t.Fatalf("what was read does not survive another round: %v", err)
		}
	})
}

func TestSnapshotRoundTrip(t *testing.T) {
	db := sampleKeyspace()
	got, err := parseSnapshot(appendSnapshot(nil, db))
	if err != nil || len(got.keys) != len(db.keys) || got.keys["list"].list[2] != db.keys["list"].list[2] || got.keys["long"].str != db.keys["long"].str {
		t.Fatalf("%v, %v", got, err)
	}
	if got.used != db.used {
		t.Errorf("memory estimate %d, want %d", got.used, db.used)
	}
	whole := appendSnapshot(nil, db)
	for n := range len(whole) {
		if n > 100 && n < len(whole)-100 {
			continue
		}
		if _, err := parseSnapshot(whole[:n]); !errors.Is(err, errSnapshot) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte("*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n"))
	f.Add([]byte("*1\r\n$9223372036854775807\r\n"))
	f.Add([]byte("*9223372036854775807\r\n"))
	f.Add([]byte("*1\r\n$3\r\nabcd\r\n"))
	f.Add([]byte("*01\r\n$+1\r\na\r\n"))
	f.Add([]byte("*"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, wholeErr := readAll(bytes.NewReader(b))
		slow, slowErr := readAll(iotest.OneByteReader(bytes.NewReader(b)))
		if !bytes.Equal(whole, slow) || wholeErr.Error() != slowErr.Error() {
			t.Fatalf("the verdict depends on how the bytes arrive: %v, %v", wholeErr, slowErr)
		}
		// Every byte counts: the encodings of the commands together are exactly a
		// prefix of the input, canonical or not.
		if !bytes.HasPrefix(b, whole) {
			t.Fatalf("%q is not how %q begins", whole, b)
		}
		if errors.Is(wholeErr, io.EOF) && len(whole) != len(b) {
			t.Fatalf("%d of %d bytes were dropped without an error", len(b)-len(whole), len(b))
		}
	})
}

// readAll reads commands until the first error, and checks that each encoding
// contains the arguments.
func readAll(r io.Reader) ([]byte, error) {
	in := streamReader{r: bufio.NewReader(r)}
	var all []byte
	for {
		args, raw, err := in.next()
		if err != nil {
			return all, err
		}
		if len(args) == 0 || !bytes.Contains(raw, bytes.Join(args[:1], nil)) {
			return all, errors.New("arguments and encoding differ")
		}
		all = append(all, raw...)
	}
}

func FuzzConf(f *testing.F) {
	f.Add("port 1\n# c\nslaveof a 1\nREQUIREPASS \"x y\"\n\nfoo \"bar\n")
	f.Add(generatedMark + "\nreplicaof b 2\nreplicaof c 3\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines := []confLine{{name: "replicaof", alias: "slaveof", text: "replicaof h 1"}, {name: "requirepass", text: "requirepass " + words.QuoteIfNeeded(text)}}
		once := rewriteConf(text, lines)
		if twice := rewriteConf(once, lines); twice != once {
			t.Fatalf("rewriting again changes\n%q\nto\n%q", once, twice)
		}
		kept, err := parseConf("f", text)
		if err != nil {
			return // an unreadable line is kept, and is an error at the next start too
		}
		got, err := parseConf("f", once)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		var masters, passwords, others int
		for _, d := range got {
			switch d.name {
			case "replicaof", "slaveof":
				masters++
			case "requirepass":
				passwords++
				if len(d.args) != 1 || d.args[0] != text {
					t.Fatalf("the password %q became %q", text, d.args)
				}
			default:
				others++
			}
		}
		for _, d := range kept {
			if d.name != "replicaof" && d.name != "slaveof" && d.name != "requirepass" {
				others--
			}
		}
		if masters != 1 || passwords != 1 || others != 0 {
			t.Fatalf("%d masters, %d passwords, %d other lines too many in %q", masters, passwords, others, once)
		}
	})
}
