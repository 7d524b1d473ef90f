package fakeredis

import (
	"strings"

	"github.com/gosentinel/sentinel/internal/glob"
)

func serverCommands() []*command {
	return []*command{
		{name: "info", arity: -1, flags: flagStale, run: (*Server).cmdInfo},
		{name: "role", arity: 1, flags: flagStale, run: (*Server).cmdRole},
		{name: "shutdown", arity: -1, flags: flagStale | flagNoMulti, run: (*Server).cmdShutdown},
		container("script",
			&command{name: "script|kill", arity: 2, flags: flagStale, run: func(_ *Server, c *client, _ [][]byte) { c.fail("NOTBUSY No scripts in execution right now.") }},
		),
		container("config",
			&command{name: "config|get", arity: -3, flags: flagStale, run: (*Server).cmdConfigGet},
			&command{name: "config|set", arity: -4, flags: flagStale, run: (*Server).cmdConfigSet},
			&command{name: "config|rewrite", arity: 2, flags: flagStale, run: (*Server).cmdConfigRewrite},
			&command{name: "config|resetstat", arity: 2, flags: flagStale, run: func(s *Server, c *client, _ [][]byte) {
				s.stats = stats{}
				c.ok()
			}},
		),
	}
}

// cmdShutdown ends the server. If it succeeds, the only reply is the end of the
// connection.
func (s *Server) cmdShutdown(c *client, args [][]byte) {
	for _, a := range args[1:] {
		switch strings.ToUpper(string(a)) {
		case "NOSAVE", "NOW", "FORCE":
		case "ABORT":
			c.fail("ERR No shutdown in progress.")
			return
		case "SAVE":
			c.fail("ERR a mini-Redis has nothing to save to: its data are in memory only, use SHUTDOWN NOSAVE")
			return
		default:
			c.fail("ERR syntax error")
			return
		}
	}
	s.log.Info("shutdown requested", "client", c.addr)
	c.closing = true
	s.requestStop(false)
}

func (s *Server) cmdConfigGet(c *client, args [][]byte) {
	var found []string
	seen := make(map[string]bool)
	for i := range params {
		p := &params[i]
		for _, name := range []string{p.name, p.alias} {
			if name == "" || seen[name] || !matchesAny(args[2:], name) {
				continue
			}
			seen[name] = true
			found = append(found, name, p.get(s))
		}
	}
	c.mapping(len(found) / 2)
	for _, text := range found {
		c.bulk(text)
	}
}

func matchesAny(patterns [][]byte, name string) bool {
	for _, p := range patterns {
		if glob.MatchFold(string(p), name) {
			return true
		}
	}
	return false
}

// cmdConfigSet changes all the parameters named, or none.
func (s *Server) cmdConfigSet(c *client, args [][]byte) {
	if len(args)%2 != 0 {
		c.fail("ERR syntax error")
		return
	}
	changed := s.settings
	seen := make(map[*param]bool)
	for i := 2; i < len(args); i += 2 {
		name := clip(args[i], 64)
		p := findParam(name)
		var why string
		switch {
		case p == nil:
			c.failf("ERR Unknown option or number of arguments for CONFIG SET - '%s'", name)
			return
		case seen[p]:
			why = "duplicate parameter"
		case p.set == nil:
			why = "can't set immutable config"
		default:
			if err := p.set(&changed, string(args[i+1])); err != nil {
				why = err.Error()
			}
		}
		if why != "" {
			c.failf("ERR CONFIG SET failed (possibly related to argument '%s') - %s", name, why)
			return
		}
		seen[p] = true
	}
	s.settings = changed
	c.ok()
}

func (s *Server) cmdConfigRewrite(c *client, _ [][]byte) {
	if s.file == "" {
		c.fail("ERR The server is running without a config file")
		return
	}
	if err := s.rewriteFile(); err != nil {
		s.log.Error("cannot rewrite the configuration file", "err", err)
		c.fail("ERR Rewriting config file: " + err.Error())
		return
	}
	c.ok()
}
