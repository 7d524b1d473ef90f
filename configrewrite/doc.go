// Package configrewrite reads the configuration of a Sentinel and writes its
// state back, so that neither a power cut, a full disk nor an operator with an
// editor can make it forget a vote or lose a comment.
//
//	f, err := configrewrite.Load("sentinel.conf", nil)
//	if err != nil {
//		log.Fatal(err) // every mistake in the file, with its line and what to do
//	}
//	if err := f.CheckWritable(); err != nil { … }
//	settings, state := f.Settings(), f.State() // for the process, and for the core
//	…
//	if err := f.Save(persist.State); err != nil { … } // nil: durable
//
// A program that configures Sentinel in Go uses [New] in place of [Load].
//
// Log level and users, which are no part of the state but change at run time as
// well, are saved with it: see [File.Track].
//
// # Two formats, one model
//
// A file whose name ends in ".toml" is TOML; anything else is a sentinel.conf,
// in the syntax of Redis and Valkey. Both become a [Config]: the [Settings] of
// the process, and the monitor.State that the core starts with. One table of
// options for each struct drives the parsers and writers of both; see package option.
//
// A sentinel.conf is rewritten in place, as the originals do it, so that their
// files work here and ours there: lines that hold state are overwritten where
// they stand, appended or removed; everything else stays. The rules are those of
// wire.md §10, Config rewrite, without the defects in wire.md §10.4, Known defects
// of the originals.
// These differences are deliberate:
//
//   - lines are matched by directive and master, so that they never move from
//     one master to another, and blank lines are not merged;
//   - latency-tracking-info-percentiles is not appended: it means nothing to a
//     Sentinel;
//   - the default user gets no line beside a requirepass that says the same,
//     and a generated line "user default on nopass …" is removed there:
//     originals that read both ignore the password, and later edits of it;
//   - users of an included file are not copied until they change at run time.
//
// Included files are read again at each start and never written: what they say
// about a master holds beside, and in the order of, the lines of the main file,
// except for its address, which the main file decides once it was saved.
//
// A line that says the default of an option stays: the operator who wrote it wanted it to be
// read there. The originals remove it.
//
// A line that is not understood stays as it is, so that the next start refuses it. The
// option can-failover of old releases is obeyed, but never written, because
// current originals refuse it. It stands in a file only if the operator put it
// there.
//
// A sentinel.toml has a marker line. What stands above it is the operator's and
// is never changed; below it the daemon keeps [state] tables, with a version and
// a checksum. With the option state-file, which both formats know, the
// configuration is only read, and the part below the marker lives in a file of
// its own.
//
// # What holds when both sides change something
//
// In a sentinel.conf the file is the state: the daemon's lines replace those an
// operator edits while it runs, as with the originals. Where state and
// configuration are apart (sentinel.toml, state-file, [New]) the state records for
// each option changed at run time what the operator's part said then:
//
//   - as long as it still says that, the value set at run time holds;
//   - once the operator edits the option, the edited value holds;
//   - the address of a master follows the same rule, host and port as one, so
//     that a failover is remembered until the operator edits the address;
//   - a master removed at run time stays removed until its entry is edited; one
//     added at run time stays until it is removed; one that the operator deletes
//     is gone;
//   - users are compared one by one, and the default user follows requirepass
//     as long as no line says otherwise;
//   - epochs never go back, not even those of a master that is gone.
//
// An edit made while the daemon runs is kept by its saves and takes effect at
// the next start. A typing mistake in it does not stop the saves, and stays for the
// next start to refuse; a warning says so at the next save, and names what protected
// and is gone. A text that lost something, by cp or a full disk, is no edit: it is
// kept beside the file, and the file is written anew from its last good content.
//
// # What is fatal and what is not
//
// A mistake of the operator is an error with file, line, text and hint, and all
// mistakes are reported at once. What some released version accepted is not a
// mistake: it gets its sensible meaning and a warning. Damaged or duplicate
// lines about replicas and other Sentinels are dropped with a warning, since the
// network brings them back. A damaged epoch or id is fatal, since taking it for
// 0 would forget votes: two Sentinels could then lead the same epoch, and one
// master become two. A master without a recorded vote in a file that has epochs
// or an id is marked (VoteUnknown), and written back as one that voted in all of
// them, or while there are none, as one of which nothing is known.
//
// # Durability
//
// While the file still holds, byte for byte, what was saved last, and nothing but
// masters has changed, only the lines of those are rendered and parsed back; the
// result is the same text. Everything else is the slow way: an edit, another file, a
// changed option, a master more or less, the first save.
//
// [File.Save] renders, parses the result back and compares, and only then
// replaces the file (package atomicfile). After a crash at any instant the file is
// the whole old or the whole new one. Temporary files left behind are removed by
// the next Load.
//
// [Parse] and [Document.Render] are pure functions below all that; tests hold
// them to Parse(Render(u, s)) = s for random texts u and states s.
package configrewrite
