package fakeredis

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

const usage = `usage: [redis.conf] [--port N] [--bind ADDRESS] [--dir DIRECTORY] [--replicaof HOST PORT] [--NAME VALUE ...]

Runs an embedded mini-Redis in the foreground: data in memory, replication, Pub/Sub; made for demos and tests.
NAME is port, bind, dir, replicaof or any parameter that CONFIG SET knows, such as requirepass, masterauth or
replica-priority; the file may hold the same. It ends on SIGTERM, SIGINT and SHUTDOWN NOSAVE.
`

// Main runs a server as a process of its own until a signal or SHUTDOWN ends it,
// and returns the exit status: 0 after an orderly end, 1 if the configuration is
// wrong or the address cannot be listened on, with the reason on stderr. args are
// those of redis-server without the program's name: an optional configuration
// file, then options.
func Main(args []string) int {
	if len(args) > 0 && (args[0] == "-h" || args[0] == "--help") {
		fmt.Print(usage)
		return 0
	}
	path, options, err := parseOptions(args)
	if err != nil {
		return reportError(err)
	}
	cfg, err := loadFile(path, options)
	if err != nil {
		return reportError(err)
	}
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))

	// Before Start, so that a signal in between cannot kill the process without
	// an orderly end.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	s, err := Start(cfg)
	if err != nil {
		return reportError(err)
	}
	cfg.Logger.Info("ready to accept connections", "addr", s.Addr(), "pid", os.Getpid())
	select {
	case sig := <-signals:
		cfg.Logger.Info("ending", "signal", sig.String())
	case <-s.Done():
	}
	s.Close()
	return 0
}

func reportError(err error) int {
	fmt.Fprintln(os.Stderr, "mini-Redis:", err)
	return 1
}
