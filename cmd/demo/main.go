package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/internal/fakeredis"
	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// miniCommand is the hidden first argument that turns this program into the
// embedded server. Each server is a process of its own, so that it can be killed.
const miniCommand = "mini-redis"

func main() {
	if len(os.Args) > 1 && os.Args[1] == miniCommand {
		os.Exit(fakeredis.Main(os.Args[2:]))
	}
	os.Exit(realMain())
}

func realMain() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "\ndemo: interrupted; every process has been ended")
		return 130
	default:
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
		return 1
	}
}

// options are the parsed flags.
type options struct {
	downAfter time.Duration // 0: as in the tutorial's files
	server    string
	sentinel  string
	keep      bool
	proxy     bool // show the proxy
}

const usage = `Shows one failover: three servers, three Sentinels, and the master is killed.

usage: demo [flags]

  -down-after duration  how long a server must be silent to be called down;
                        the tutorial's files say 5s, 1s makes a shorter demo
  -server redis|mini    redis: the installed redis-server; mini: the embedded
                        server (default: redis if there is one, else mini)
  -sentinel command     the Sentinel to show (default: gosentinel beside this
                        program, else freshly built; redis-sentinel works too)
  -proxy                show the proxy: a client that knows nothing of Sentinels
                        writes while the master is killed and then switched back
  -keep                 leave the directory with configuration files and logs
`

func parse(args []string, errOut io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	fs.SetOutput(errOut)
	fs.Usage = func() { fmt.Fprint(errOut, usage) }
	fs.DurationVar(&o.downAfter, "down-after", 0, "")
	fs.StringVar(&o.server, "server", "", "")
	fs.StringVar(&o.sentinel, "sentinel", "", "")
	fs.BoolVar(&o.proxy, "proxy", false, "")
	fs.BoolVar(&o.keep, "keep", false, "")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	switch {
	case fs.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q; see demo -h", fs.Arg(0))
	case o.proxy && o.sentinel != "":
		return o, errors.New("-proxy shows the Sentinel and the proxy of one program, so -sentinel does not go with it")
	case o.server != "" && o.server != "redis" && o.server != "mini":
		return o, fmt.Errorf("-server %s: want redis or mini", o.server)
	case o.downAfter != 0 && (o.downAfter < 100*time.Millisecond || o.downAfter > time.Minute):
		return o, fmt.Errorf("-down-after %v: want 100ms to 1m", o.downAfter)
	}
	return o, nil
}

func run(ctx context.Context, args []string, out, errOut io.Writer) (err error) {
	o, err := parse(args, errOut)
	if err != nil {
		return err
	}
	command, about, err := serverCommand(ctx, o.server)
	if err != nil {
		return err
	}
	d := &demo{options: o, screen: newScreen(out), about: about}
	d.c, err = cluster.New(cluster.Config{Server: command, Keep: o.keep, OnEvent: d.onEvent})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w\n\n%s", err, d.c.Logs(8))
		}
		if err = errors.Join(err, d.c.Close()); err == nil {
			d.screen.line("")
			d.screen.line("   %s", d.screen.paint(green, "The failover worked, and every process has been ended."))
		}
	}()
	if err := d.findSentinel(ctx); err != nil {
		return err
	}
	return d.play(ctx)
}

// serverCommand decides which server the demo runs on, and returns a description
// of it for the screen.
func serverCommand(ctx context.Context, want string) (command []string, about string, err error) {
	path, lookErr := exec.LookPath("redis-server")
	if want == "redis" && lookErr != nil {
		return nil, "", cluster.ErrNoRedisServer
	}
	if want != "mini" && lookErr == nil {
		version, err := exec.CommandContext(ctx, path, "--version").Output()
		if err != nil {
			return nil, "", fmt.Errorf("%s --version: %w", path, err)
		}
		return []string{path}, fmt.Sprintf("%s (redis-server %s)", path, versionOf(string(version))), nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	about = "embedded mini-Redis"
	if want == "" {
		about += " (no redis-server here; `make deps` installs one)"
	}
	return []string{self, miniCommand}, about, nil
}

// versionOf finds "7.0.15" in "Redis server v=7.0.15 sha=00000000:0 ...".
func versionOf(text string) string {
	for word := range strings.FieldsSeq(text) {
		if v, ok := strings.CutPrefix(word, "v="); ok {
			return v
		}
	}
	return "of unknown version"
}

func (d *demo) findSentinel(ctx context.Context) error {
	if d.sentinel != "" {
		d.command = strings.Fields(d.sentinel)
		return nil
	}
	path, err := cluster.FindSentinel(ctx, d.c.Dir())
	d.command = []string{path}
	return err
}
