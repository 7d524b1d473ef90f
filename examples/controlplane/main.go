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
	"sync"
	"time"

	"github.com/gosentinel/sentinel"
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

// plane is the control plane.
type plane struct {
	*sentinel.Sentinel
	maintenance sync.Map // the groups that must be left alone
}

// run works until parent ends, and then returns nil, or until something fails.
func run(parent context.Context, file string, cfg sentinel.Config, ln net.Listener) (err error) {
	p := &plane{}
	cfg.Policy.Allow = p.allow
	if p.Sentinel, err = sentinel.New(cfg); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(parent)
	web := &http.Server{Handler: p.handler()}
	go func() { cancel(web.Serve(ln)) }()
	go p.follow(ctx, file)
	if err = errors.Join(p.Run(ctx), web.Close()); err == nil && parent.Err() == nil {
		err = context.Cause(ctx) // why there is no HTTP
	}
	return err
}

// allow is asked before each failover.
func (p *plane) allow(_ context.Context, a sentinel.Attempt) (sentinel.Decision, error) {
	if _, on := p.maintenance.Load(a.Master); on {
		return sentinel.Veto("its servers are in maintenance"), nil
	}
	return sentinel.Go(), nil
}

// follow keeps the monitored groups as the file has them.
func (p *plane) follow(ctx context.Context, file string) {
	for ctx.Err() == nil {
		if err := p.sync(ctx, file); err != nil {
			slog.Warn("groups", "error", err)
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

func (p *plane) sync(ctx context.Context, file string) error {
	text, err := os.ReadFile(file)
	want := map[string]string{}
	have, failed := p.Masters(ctx)
	if err = errors.Join(err, json.Unmarshal(text, &want), failed); err != nil {
		return err // an unreadable source is no reason to forget anything
	}
	for _, m := range have {
		if _, ok := want[m.Name]; !ok {
			err = errors.Join(err, p.Remove(ctx, m.Name))
		}
		delete(want, m.Name) // its address is the Sentinel's business from now on
	}
	for name, addr := range want {
		err = errors.Join(err, p.Monitor(ctx, sentinel.MasterConfig{Name: name, Addr: addr, Quorum: 1, DownAfter: 5 * time.Second}))
	}
	return err
}

func (p *plane) handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(ctx context.Context, group string) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			answer, err := f(r.Context(), r.PathValue("group"))
			if err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			_ = json.NewEncoder(w).Encode(answer) // the client may be gone
		})
	}
	handle("GET /status", func(ctx context.Context, _ string) (any, error) { return p.Masters(ctx) })
	handle("GET /health", func(ctx context.Context, _ string) (any, error) { return "ok", p.Health(ctx) })
	handle("PUT /maintenance/{group}", func(_ context.Context, g string) (any, error) { p.maintenance.Store(g, true); return "on", nil })
	handle("DELETE /maintenance/{group}", func(_ context.Context, g string) (any, error) { p.maintenance.Delete(g); return "off", nil })
	handle("POST /failover/{group}", func(ctx context.Context, g string) (any, error) {
		return p.Failover(ctx, g, sentinel.FailoverOptions{Wait: true})
	})
	return mux
}
