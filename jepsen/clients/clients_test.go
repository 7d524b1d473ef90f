package clients

import (
	"context"
	"sync"
	"testing"

	"github.com/gosentinel/sentinel/internal/mock"
)

// library is a client library with an application around it.
type library interface {
	version() string
	// work calls what the announcement asks for until the context ends.
	work(ctx context.Context, a mock.Announcement)
	// close ends everything of the library that is left.
	close(t *testing.T)
}

// libraries are in the order of the table. Each is started for its test.
var libraries = []struct {
	name  string
	start func(t *testing.T) library
}{
	{"go-redis", func(*testing.T) library { return goRedis{} }},
	{"go-redis with discovery", func(*testing.T) library { return withDiscovery{} }},
	{"redigo with discovery", func(*testing.T) library { return redigoPool{} }},
	{"rueidis", func(*testing.T) library { return rueidisClient{} }},
	{"redis-py", redisPy},
	{"ioredis", ioredis()},
	{"ioredis with failoverDetector", further(ioredis("failoverDetector"))},
}

// further is for what only the long run plays.
func further(start func(t *testing.T) library) func(t *testing.T) library {
	return func(t *testing.T) library {
		if !*long && !*write {
			t.Skip("played by make ecosystem")
		}
		return start(t)
	}
}

// scripts are those that judge clients by themselves: on-demand waits for a
// person.
func scripts() (names []string) {
	for _, name := range mock.Names() {
		if name != "on-demand" {
			names = append(names, name)
		}
	}
	return names
}

func TestLibraries(t *testing.T) {
	doc := readDocument(t)
	t.Run("play", func(t *testing.T) {
		for i, l := range libraries {
			t.Run(l.name, func(t *testing.T) {
				t.Parallel()
				lib := l.start(t)
				defer lib.close(t)
				doc.compare(t, i, lib.version(), play(t, lib))
			})
		}
	})
	if *write && !t.Failed() {
		doc.write(t)
	}
}

// play plays all scripts at once and returns the verdicts in their order.
func play(t *testing.T, lib library) []mock.Verdict {
	verdicts := make([]mock.Verdict, len(scripts()))
	var wg sync.WaitGroup
	for i, name := range scripts() {
		s, err := mock.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			m, err := mock.Start(s, mock.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer m.Close()
			ctx, cancel := context.WithCancel(t.Context())
			var working sync.WaitGroup
			working.Go(func() { lib.work(ctx, m.Announcement()) })
			<-m.Done()
			cancel()
			working.Wait()
			verdicts[i] = m.Verdict()
			if verdicts[i].Result == mock.Fail {
				t.Logf("%s: line %d: %s\n%v", name, verdicts[i].Line, verdicts[i].Reason, m.State().Counts)
			}
		})
	}
	wg.Wait()
	return verdicts
}
