// Counts with a client library for Go, named on the command line; see the doc of
// package ecosystem.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// second is every time-out of a connection. What else may be set is as the library has
// it by default.
const second = time.Second

var (
	sentinels        = strings.Fields(os.Getenv("SENTINELS"))
	master           = os.Getenv("MASTER")
	key              = os.Getenv("KEY")
	password         = os.Getenv("PASSWORD")
	sentinelPassword = os.Getenv("SENTINEL_PASSWORD")
	security         = tlsConfig(os.Getenv("CA")) // nil for plain TCP
)

func tlsConfig(authority string) *tls.Config {
	if authority == "" {
		return nil
	}
	text, err := os.ReadFile(authority)
	if err != nil {
		log.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return &tls.Config{RootCAs: pool}
}

// library is one that counts: connect returns what increments the key once.
type library struct {
	module  string
	connect func(context.Context) (increment func(context.Context) (int64, error), err error)
}

var libraries = map[string]library{
	"go-redis":                {"github.com/redis/go-redis/v9", goRedis},
	"go-redis with discovery": {"github.com/redis/go-redis/v9", goRedisWithDiscovery},
	"radix":                   {"github.com/mediocregopher/radix/v4", radixSentinel},
	"redigo":                  {"github.com/gomodule/redigo", redigoPool},
	"redigo with discovery":   {"github.com/gomodule/redigo", redigoWithDiscovery},
	"rueidis":                 {"github.com/redis/rueidis", rueidisClient},
	"valkey-go":               {"github.com/valkey-io/valkey-go", valkeyClient},
}

func main() {
	l, ok := libraries[os.Args[1]]
	if !ok {
		log.Fatalf("no library %q", os.Args[1])
	}
	pause, err := time.ParseDuration(os.Getenv("EVERY") + "s")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("version", version(l.module))
	ctx := context.Background()
	for {
		increment, err := l.connect(ctx)
		for err == nil {
			var n int64
			if n, err = increment(ctx); err == nil {
				fmt.Println("ok", n)
			} else {
				fmt.Println("error", strings.ReplaceAll(err.Error(), "\n", " "))
				err = nil
			}
			time.Sleep(pause)
		}
		fmt.Println("error", strings.ReplaceAll(err.Error(), "\n", " "))
		time.Sleep(pause)
	}
}

func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == module {
			return strings.TrimPrefix(m.Version, "v")
		}
	}
	return "unknown"
}
