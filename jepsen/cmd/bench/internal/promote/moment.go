package promote

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// Moment is a state in which a replica lacks data.
type Moment string

// The moments.
const (
	Fresh Moment = "fresh" // an empty server was told REPLICAOF
	Empty Moment = "empty" // restarted without files, as a replica
	RDB   Moment = "rdb"   // restarted from a snapshot, as a replica
	AOF   Moment = "aof"   // restarted from an append-only file, as a replica
	Full  Moment = "full"  // sound, but so far behind that all is sent again
)

// Moments are all of them.
var Moments = []Moment{Fresh, Empty, RDB, AOF, Full}

const (
	keys = 2000 // of the data set
	// delay is what a server takes for each key when it sends or loads the data set, in
	// microseconds: so these take some 0.4 s each, and the master waits a second before.
	delay = 200
	// backlog is the smallest that a server has.
	backlog = 16 << 10
)

// slowly are the lines of every server.
var slowly = []string{
	"repl-diskless-sync-delay 1", "rdb-key-save-delay " + strconv.Itoa(delay), "key-load-delay " + strconv.Itoa(delay),
	"repl-backlog-size " + strconv.Itoa(backlog), "repl-timeout 10",
}

// lacking are those of the replica that lacks data.
func lacking(m Moment, ranked bool) []string {
	lines := slices.Clone(slowly)
	if ranked {
		lines = append(lines, "replica-priority 10")
	}
	if m == AOF {
		lines = append(lines, "appendonly yes")
	}
	return lines
}

// bring puts the replica into the state. lines are those of its configuration.
func (m Moment) bring(ctx context.Context, master, replica *cluster.Server, lines []string) error {
	if m == Full {
		return fallBehind(ctx, master, replica)
	}
	if m == RDB {
		if _, err := replica.Do(ctx, "SAVE"); err != nil {
			return err
		}
	}
	replica.Kill()
	if m != Fresh {
		lines = append(lines, "replicaof 127.0.0.1 "+strconv.Itoa(master.Port()))
	}
	err := os.WriteFile(replica.Conf(), []byte(cluster.ServerConf(replica.Port(), lines...)), 0o644)
	if m == Fresh || m == Empty {
		err = errors.Join(err, os.Remove(filepath.Join(replica.Dir(), "dump.rdb")))
		if errors.Is(err, os.ErrNotExist) {
			err = nil // nothing was ever saved
		}
	}
	if err := errors.Join(err, replica.Start()); err != nil {
		return err
	}
	if m != Fresh {
		return answering(ctx, replica)
	}
	if err := replica.WaitReady(ctx); err != nil {
		return err
	}
	_, err = replica.Do(ctx, "REPLICAOF", "127.0.0.1", master.Port())
	return err
}

// answering waits until a server answers at all, be it that it is loading.
func answering(ctx context.Context, s *cluster.Server) error {
	return cluster.WaitFor(ctx, s.Name()+" to answer", func(ctx context.Context) (string, bool) {
		_, err := s.Do(ctx, "PING")
		return fmt.Sprint(err), err == nil || strings.HasPrefix(err.Error(), "LOADING")
	})
}

// fallBehind cuts the replica off until the master's backlog has moved on.
func fallBehind(ctx context.Context, master, replica *cluster.Server) error {
	if _, err := replica.Do(ctx, "REPLICAOF", "127.0.0.1", "1"); err != nil {
		return err
	}
	for i := range 4 {
		if err := master.Client().Set(ctx, "filler", strings.Repeat(strconv.Itoa(i), backlog), 0).Err(); err != nil {
			return err
		}
	}
	_, err := replica.Do(ctx, "REPLICAOF", "127.0.0.1", master.Port())
	return err
}
