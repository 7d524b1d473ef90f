// Package acl decides who may do what on a Sentinel: its users, their
// passwords, the commands and channels they may use, the file that keeps them
// and the log of what was refused (wire.md §2.8).
//
// A [List] holds the users. Rules are the words that ACL SETUSER takes:
//
//	users, _ := acl.New(commands, acl.Options{LogMaxEntries: 128})
//	_, err := users.SetUser("bob", "on", ">secret", "+subscribe", "&+switch-master")
//	bob, err := users.Authenticate("bob", "secret")
//	refusal := users.Check(bob, "subscribe", [][]byte{[]byte("SUBSCRIBE"), []byte("+sdown")})
//	refusal.Error() // NOPERM No permissions to access a channel
//
// # Rules
//
//	on  off                         whether one may log in as this user
//	>pass  <pass  #hash  !hash      add, remove a password, or its SHA-256 in hex
//	nopass  resetpass               any password will do; none will, until one is added
//	+ping  -ping  +sentinel|masters allow, forbid a command or a subcommand
//	+@fast  -@admin  +@all          the same for a category
//	&name  &glob*  allchannels      allow channels; resetchannels forbids all
//	~key  %R~key  allkeys           keys; kept and shown, but no command of a Sentinel has any
//	(+ping &news)  clearselectors   one more set of commands and channels that suffices by itself
//	reset                           back to a new user, who may do nothing
//
// Commands and channels of a user start with none; every rule changes what the
// earlier ones left. Rules apply all together or not at all. A command that a
// Sentinel does not have, such as get, is an error, as it is in stock Redis.
//
// # Handles
//
// A connection keeps the [User] that [List.Authenticate] returned. Changes of
// the user's rules act on it at once, since a User leads to its rules by one
// atomic pointer to a value that never changes: [List.Check] takes no lock.
// Which connections a change must end, the [Change] that it returns tells.
//
// # Differences from stock Redis 7.0.15
//
// Texts and output are those of the newest Redis: the rules of commands are
// shown as they were given, less what later ones made pointless, where 7.0
// works out an equivalent from the result; ordinary users show
// sanitize-payload; refusals name the user.
//
// Rules that stock accepts and then loses are refused, or written such that
// they load again: a first argument with blanks (+ping|a b) and unbalanced
// quotes in a selector are syntax errors; a word in a selector that has quotes
// or ends in a parenthesis is shown in quotes; a key pattern %RW~* is shown as
// that and not as ~*, behind which no other pattern may stand. A parenthesis
// left open in a file is an error with its line and not a crash.
package acl
