package sentinel_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/gosentinel/sentinel"
)

// A program that runs a Sentinel.
func Example() {
	s, err := sentinel.New(sentinel.Config{
		Listen: ":26379", StateFile: "/var/lib/sentinel/state.toml",
		Masters: []sentinel.MasterConfig{{Name: "cache", Addr: "10.0.0.1:6379", Quorum: 2}},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := s.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// A control plane that follows a master.
func ExampleSentinel_Events() {
	s, err := sentinel.New(sentinel.Config{
		Listen:  ":26379",
		Masters: []sentinel.MasterConfig{{Name: "cache", Addr: "10.0.0.1:6379", Quorum: 2, DownAfter: 5 * time.Second}},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	events := s.Events(ctx) // from here on, nothing is missed
	go func() {
		for ev := range events {
			switch body := ev.Body.(type) {
			case sentinel.SwitchMaster:
				log.Printf("%s moved from %s to %s (epoch %d)", body.Master, body.From, body.To, body.Epoch)
			case sentinel.Lagged:
				log.Printf("%d events missed", body.Missed)
			}
		}
	}()
	log.Fatal(s.Run(ctx))
}

// Without Listen and StateFile, a Sentinel only observes, inside the program.
func ExampleNew() {
	s, err := sentinel.New(sentinel.Config{
		Masters: []sentinel.MasterConfig{{Name: "cache", Addr: "127.0.0.1:1", Quorum: 1}},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	events, ended := s.Events(ctx), make(chan error)
	go func() { ended <- s.Run(ctx) }()
	for ev := range events {
		fmt.Println(ev)
		break
	}
	cancel()
	fmt.Println("ended:", <-ended)
	// Output:
	// +monitor master cache 127.0.0.1 1 quorum 1
	// ended: <nil>
}
