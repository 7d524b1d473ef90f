package discovery_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/gosentinel/sentinel/discovery"
	"github.com/redis/go-redis/v9"
)

func Example() {
	r, err := discovery.New(discovery.Options{
		Sentinels: []string{"10.0.0.1:26379", "10.0.0.2:26379", "10.0.0.3:26379"},
		Master:    "cache",
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go r.Run(ctx)

	master, err := r.Master(ctx) // waits while there is none
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(master, master.Epoch)
}

// The errors of New name all mistakes.
func ExampleNew() {
	_, err := discovery.New(discovery.Options{Sentinels: []string{"10.0.0.1:0"}, Poll: time.Millisecond})
	fmt.Println(err)
	// Output:
	// discovery: the options are wrong:
	// Sentinels has "10.0.0.1:0": an address is "host:port" or "[IPv6]:port"
	// Master is empty: give the name in the line "sentinel monitor <name> ..."
	// Poll is 1ms: at least 100ms is needed, or 0 for 5s
}

var (
	ctx = context.Background()
	r   *discovery.Resolver
)

// A connection without a client library.
func ExampleResolver_DialMaster() {
	conn, err := r.DialMaster(ctx, "tcp", "")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "INCR visits\r\n")
	answer, err := bufio.NewReader(conn).ReadString('\n')
	fmt.Println(answer, err)
}

// With go-redis, which repeats commands when a connection ends.
func ExampleResolver_DialMaster_goRedis() {
	client := redis.NewClient(&redis.Options{Dialer: r.DialMaster, DialTimeout: time.Minute})
	defer client.Close()
	fmt.Println(client.Incr(ctx, "visits").Result())
}

// Reads go to the replicas in turn.
func ExampleResolver_DialReplica() {
	reader := redis.NewClient(&redis.Options{Dialer: r.DialReplica, DialTimeout: time.Minute})
	defer reader.Close()
	fmt.Println(reader.Get(ctx, "visits").Result())
}

// A proxy or an agent acts on each change.
func ExampleResolver_Changes() {
	for v := range r.Changes(ctx) {
		switch {
		case v.Master.IsZero():
			fmt.Println("hold the writers back")
		default:
			fmt.Println("let them write to", v.Master, "and read from", v.Replicas)
		}
	}
}

// The epoch tells a store that is written to on behalf of Redis who is late.
func ExampleAddr_fencing() {
	newest := uint64(0) // kept by the store, beside the data
	write := func(token uint64) {
		if token < newest {
			fmt.Println("refused: a master of before")
			return
		}
		newest = token
		fmt.Println("written")
	}
	write(discovery.Addr{Host: "10.0.0.2", Port: 6379, Epoch: 7}.Epoch)
	write(discovery.Addr{Host: "10.0.0.1", Port: 6379, Epoch: 6}.Epoch)
	// Output:
	// written
	// refused: a master of before
}

// A page for operators.
func ExampleResolver_Status() {
	http.HandleFunc("/redis", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(r.Status())
	})

	idle, err := discovery.New(discovery.Options{Sentinels: []string{"10.0.0.1:26379"}, Master: "cache"})
	if err != nil {
		log.Fatal(err)
	}
	json.NewEncoder(os.Stdout).Encode(idle.Status().Why)
	// Output:
	// "Run has not been called"
}
