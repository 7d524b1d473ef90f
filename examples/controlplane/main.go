package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/gosentinel/sentinel"
	"github.com/gosentinel/sentinel/event"
)

func main() {
	groups := flag.String("groups", "groups.json", "file that names the groups")
	listen := flag.String("listen", ":26379", "address for other Sentinels and for clients")
	status := flag.String("http", "localhost:8080", "address for HTTP")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ln, err := net.Listen("tcp", *status)
	if err == nil {
		err = run(ctx, *groups, sentinel.Config{Listen: *listen, StateFile: "state.toml", Logger: slog.Default()}, ln)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// run works until ctx ends or something fails.
func run(ctx context.Context, file string, cfg sentinel.Config, ln net.Listener) error {
	s, err := sentinel.New(cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	web := &http.Server{Handler: handler(s)}
	go func() { cancel(web.Serve(ln)) }()
	go follow(ctx, s)
	go source(ctx, s, file)
	err = s.Run(ctx)
	return errors.Join(err, web.Close())
}

// follow is where a control plane tells its other parts what happens.
func follow(ctx context.Context, s *sentinel.Sentinel) {
	for e := range s.Events(ctx, sentinel.OfType[event.SwitchMaster]()) {
		slog.Info("the master has changed", "group", e.Master, "event", e)
	}
}

// source keeps the monitored groups as the file has them.
func source(ctx context.Context, s *sentinel.Sentinel, file string) {
	for ctx.Err() == nil {
		if err := sync(ctx, s, file); err != nil {
			slog.Warn("groups", "error", err)
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

func sync(ctx context.Context, s *sentinel.Sentinel, file string) error {
	text, err := os.ReadFile(file)
	want := map[string]string{}
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil {
		return err // an unreadable source is no reason to forget anything
	}
	have, err := s.Masters(ctx)
	if err != nil {
		return err
	}
	for _, m := range have {
		if _, ok := want[m.Name]; !ok {
			err = errors.Join(err, s.Remove(ctx, m.Name))
		}
		delete(want, m.Name) // its address is the Sentinel's business from now on
	}
	for name, addr := range want {
		err = errors.Join(err, s.Monitor(ctx, sentinel.MasterConfig{Name: name, Addr: addr, Quorum: 1, DownAfter: 5 * time.Second}))
	}
	return err
}

func handler(s *sentinel.Sentinel) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		masters, err := s.Masters(r.Context())
		reply(w, masters, err)
	})
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) { reply(w, "ok", s.Health(r.Context())) })
	mux.HandleFunc("POST /failover/{group}", func(w http.ResponseWriter, r *http.Request) {
		report, err := s.Failover(r.Context(), r.PathValue("group"), sentinel.FailoverOptions{Wait: true})
		reply(w, report, err)
	})
	return mux
}

func reply(w http.ResponseWriter, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}
