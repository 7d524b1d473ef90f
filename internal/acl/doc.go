// Package acl implements access control lists: users, their passwords, the
// commands and channels they may use, the file that stores them, and the log of
// refusals (wire.md §2.8, ACL subcommands).
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
//	on  off                         whether it is possible to log in as this user
//	>pass  <pass  #hash  !hash      add, remove a password, or its SHA-256 in hex
//	nopass  resetpass               any password is accepted; none is, until one is added
//	+ping  -ping  +sentinel|masters allow, forbid a command or a subcommand
//	+@fast  -@admin  +@all          the same for a category
//	&name  &glob*  allchannels      allow channels; resetchannels forbids all
//	~key  %R~key  allkeys           keys; stored and shown, but no command of a Sentinel uses keys
//	(+ping &news)  clearselectors   a further set of commands and channels that suffices by itself
//	reset                           as a new user, which may do nothing
//
// A user starts without commands and channels; each rule changes what the earlier
// ones left. The rules of one edit apply all together or not at all. A command
// that a Sentinel does not have, such as get, is an error, as in redis-sentinel.
//
// # Handles
//
// A connection keeps the [User] that [List.Authenticate] returned. A change of
// the user's rules takes effect at once, because a User holds its rules by one
// atomic pointer to an immutable value. [List.Check] therefore takes no lock. The
// [Change] returned by an edit says which connections must end.
//
// # Differences from redis-sentinel 7.0.15
//
// Texts and output are those of the newest Redis. Command rules are shown as they
// were given, without those that later rules made pointless, where 7.0 derives an
// equivalent from the result. Ordinary users show sanitize-payload. Refusals name
// the user.
//
// Rules that redis-sentinel accepts and then loses are either refused or written
// so that they load again. A first argument with blanks (+ping|a b) and
// unbalanced quotes in a selector are syntax errors. A word in a selector that
// has quotes or ends in a parenthesis is shown in quotes. The key pattern %RW~*
// is shown as such and not as ~*, after which no other pattern is allowed. A
// parenthesis left open in a file is an error with its line, where redis-sentinel
// crashes.
package acl
