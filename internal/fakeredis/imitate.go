package fakeredis

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// version is a release of Redis: 100 times the first number and the second.
type version int

const (
	version60 version = 600
	version62 version = 602
	version70 version = 700
)

// redisVersion is the version that is imitated. Sentinels and clients choose
// commands by it.
const redisVersion = "7.0.15"

// versionParam makes the server answer as another release does, from 5.0 to 7.0, in
// what matters to Sentinels: commands and options that are not there yet, and lines
// of INFO.
func versionParam() param {
	return param{
		name: "imitated-version", rewrite: true,
		get: func(s *Server) string { return s.settings.versionText },
		set: func(s *settings, text string) error {
			words := strings.Split(text, ".")
			numbers := make([]int, len(words))
			for i, w := range words {
				n, err := strconv.ParseUint(w, 10, 6)
				if err != nil {
					return errors.New("argument must be a release such as 6.0.20")
				}
				numbers[i] = int(n)
			}
			if len(numbers) != 3 || numbers[0] < 5 || numbers[0] > 7 {
				return errors.New("argument must be a release from 5.0.0 to 7.0.15, such as 6.0.20")
			}
			s.version, s.versionText = version(100*numbers[0]+numbers[1]), text
			return nil
		},
	}
}

// oldSubcommand is the error for a subcommand that is not there, or has another
// number of words, before 6.2.
func oldSubcommand(args [][]byte) string {
	return fmt.Sprintf("ERR Unknown subcommand or wrong number of arguments for '%s'. Try %s HELP.", clip(args[1], 128), strings.ToUpper(clip(args[0], 128)))
}

// tooNew returns the error of a command that the imitated release does not have, or
// "".
func (s *Server) tooNew(cmd *command, args [][]byte) string {
	switch {
	case s.settings.version >= cmd.since:
		return ""
	case strings.Contains(cmd.name, "|"):
		return oldSubcommand(args)
	}
	return unknownCommand(args)
}

// forbiddenParam is a list of commands that no user may run, as by an ACL: whole
// commands, such as slaveof, or subcommands, such as client|pause.
func forbiddenParam() param {
	return param{
		name: "forbidden-commands", rewrite: true,
		get: func(s *Server) string { return strings.Join(s.settings.forbidden, " ") },
		set: func(s *settings, text string) error {
			list := strings.Fields(strings.ToLower(text))
			for _, name := range list {
				container, sub, isSub := strings.Cut(name, "|")
				if cmd := commands[container]; cmd == nil || isSub && cmd.subs[sub] == nil {
					return fmt.Errorf("there is no command '%s'", name)
				}
			}
			s.forbidden = list
			return nil
		},
	}
}

// denied returns the error of a command that forbidden-commands names, or "".
func (s *Server) denied(cmd *command) string {
	container, _, isSub := strings.Cut(cmd.name, "|")
	switch {
	case !slices.Contains(s.settings.forbidden, cmd.name) && !slices.Contains(s.settings.forbidden, container):
		return ""
	case s.settings.version < version70 && isSub:
		return "NOPERM this user has no permissions to run the '" + container + "' command or its subcommand"
	}
	return "NOPERM this user has no permissions to run the '" + cmd.name + "' command"
}
