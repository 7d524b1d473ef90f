package event_test

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/gosentinel/sentinel/event"
)

// A type switch tells events apart.
func Example() {
	events := []event.Event{
		event.ODown{Instance: event.Instance{Name: "cache", Addr: event.HostPort{Host: "10.0.0.1", Port: 6379}}, Votes: 2, Quorum: 2},
		event.SwitchMaster{Master: "cache", From: event.HostPort{Host: "10.0.0.1", Port: 6379}, To: event.HostPort{Host: "10.0.0.2", Port: 6379}, Epoch: 7},
	}
	for _, e := range events {
		switch e := e.(type) {
		case event.ODown:
			fmt.Println(e.MasterName(), "is down, say", e.Votes)
		case event.SwitchMaster:
			fmt.Println(e.Master, "is at", e.To)
		}
	}
	// Output:
	// cache is down, say 2
	// cache is at 10.0.0.2:6379
}

// Events are values for a slog.Logger.
func ExampleEvent() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{} // for the output below
		}
		return a
	}}))
	log.Info("sentinel", "", event.NewEpoch{Epoch: 7})
	// Output:
	// level=INFO msg=sentinel event=+new-epoch epoch=7
}
