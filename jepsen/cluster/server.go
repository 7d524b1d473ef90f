package cluster

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9/maintnotifications"
)

// Server is one redis-server process.
type Server struct{ *node }

// ServerConf returns a configuration for a server that is fit for tests: on
// loopback, without files of its data set, and without the five seconds that
// Redis 7 otherwise waits before it serves a new replica. lines are appended.
func ServerConf(port int, lines ...string) string {
	base := []string{
		"bind 127.0.0.1",
		"port " + strconv.Itoa(port),
		"dir .",
		`save ""`,
		"repl-diskless-sync-delay 0",
	}
	return strings.Join(append(base, lines...), "\n") + "\n"
}

// StartServer starts a server. It does not wait until the server answers; use
// WaitReady. spec.Conf should come from [ServerConf].
func (c *Cluster) StartServer(spec NodeSpec) (*Server, error) {
	command := c.cfg.Server
	if spec.Command != nil {
		command = spec.Command
	}
	n, err := c.add(spec, "redis.conf", false, func(conf string) []string {
		return concat(command, []string{conf}, spec.Args)
	})
	if err != nil {
		return nil, err
	}
	s := &Server{n}
	return s, s.Start()
}

// Replication is what a server says about its role.
type Replication struct {
	Role       string // "master" or "slave", as INFO says
	MasterPort int    // of a replica
	LinkUp     bool   // of a replica: in sync with its master
	Replicas   int    // of a master: replicas that are online
}

// Replication asks the server for its role.
func (s *Server) Replication(ctx context.Context) (Replication, error) {
	text, err := s.client.Info(ctx, "replication").Result()
	if err != nil {
		return Replication{}, err
	}
	var r Replication
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case key == "role":
			r.Role = value
		case key == "master_port":
			r.MasterPort, err = strconv.Atoi(value)
		case key == "master_link_status":
			r.LinkUp = value == "up"
		case isReplicaLine(key) && strings.Contains(value, "state=online"):
			r.Replicas++
		}
	}
	return r, err
}

// isReplicaLine recognises slave0, slave1 and so on, but not slave_priority.
func isReplicaLine(key string) bool {
	n, ok := strings.CutPrefix(key, "slave")
	if !ok {
		return false
	}
	_, err := strconv.ParseUint(n, 10, 32)
	return err == nil
}

// String returns the replication state for a report.
func (r Replication) String() string {
	if r.Role == "slave" {
		return fmt.Sprintf("replica of port %d, link up: %t", r.MasterPort, r.LinkUp)
	}
	return fmt.Sprintf("%s with %d replicas online", r.Role, r.Replicas)
}

// WaitReplicaOf returns when the server is an in-sync replica of master.
func (s *Server) WaitReplicaOf(ctx context.Context, master *Server) error {
	what := fmt.Sprintf("%s to replicate from %s (port %d)", s.Name(), master.Name(), master.Port())
	return WaitFor(ctx, what, func(ctx context.Context) (string, bool) {
		r, err := s.Replication(ctx)
		if err != nil {
			return err.Error(), false
		}
		return r.String(), r.Role == "slave" && r.MasterPort == master.Port() && r.LinkUp
	})
}

// WaitRole returns when the server says that it has the role, "master" or "slave".
func (s *Server) WaitRole(ctx context.Context, role string) error {
	return WaitFor(ctx, fmt.Sprintf("%s to be a %s", s.Name(), role), func(ctx context.Context) (string, bool) {
		r, err := s.Replication(ctx)
		if err != nil {
			return err.Error(), false
		}
		return r.String(), r.Role == role
	})
}

// noMaintNotifications keeps go-redis from a handshake that only one vendor's
// servers answer.
func noMaintNotifications() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

func concat(parts ...[]string) []string {
	var all []string
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
