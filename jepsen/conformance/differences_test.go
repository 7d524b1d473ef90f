package conformance

import (
	"regexp"
)

// kind says why a difference is there.
type kind string

const (
	newer  kind = "newer"  // a version of Redis after 7.0 does so
	valkey kind = "Valkey" // a name or an addition of Valkey
	ours   kind = "ours"   // an addition, or a defect that is not shared
)

// difference is one thing that is not the same on purpose. The rules are
// applied in the order of the table.
type difference struct {
	kind   kind
	reason string // what gosentinel does

	line string // regular expression: what it is about
	ask  string // stock is asked this for such a line; $1 is a part of the line
	from string // regular expression: in what stock says, this becomes to
	to   string
	more string // regular expression: this is in what gosentinel says, additionally

	lineRE, fromRE, moreRE *regexp.Regexp
	used                   map[string]bool // by command
}

// row is a row of COMMAND INFO whose name begins as given.
func row(name string) string {
	return `\["(?:` + name + `)"(?:, (?::-?\d+|(?:set)?\[[^\[\]]*\]))*\](?:, )?|"(?:` + name + `)"(?:, )?`
}

// differences is the table of everything that is different on purpose.
var differences = []*difference{
	// Versions after 7.0.
	{kind: newer, reason: "names 7.4.0 as its version", line: `^hello`, from: `"7\.0\.\d+"`, to: `"7.4.0"`},
	{kind: newer, reason: "HELLO without login: the text names the protocol argument (7.2)", line: `^hello`, from: `the HELLO AUTH <user> <pass> option`, to: `the HELLO <proto> AUTH <user> <pass> option`},
	{kind: ours, reason: "shows a client once that is asked for twice", line: `^client list id \{client\} \{client\}`, from: `(id=[^"]*resp=\d)\\nid=[^"]*resp=\d`, to: `$1`},
	{kind: newer, reason: "shows the fields watch, lib-name and lib-ver (7.2, 7.4)", line: `^client (info|list)`, from: `multi=-1 (.*resp=\d)"`, to: `multi=-1 watch=* $1 lib-name= lib-ver="`},
	{kind: newer, reason: "knows CLIENT KILL MAXAGE (7.4)", line: `^client kill maxage 1000000000`, from: `-ERR syntax error`, to: `:0`},
	{kind: newer, reason: "knows CLIENT KILL MAXAGE (7.4)", line: `^client kill maxage (x|0)`, from: `-ERR syntax error`, to: `-ERR maxage should be greater than 0`},
	{kind: newer, reason: "knows CLIENT SETINFO (7.2)", line: `^client setinfo$`, from: `.*`, to: `-ERR wrong number of arguments for 'client|setinfo' command`},
	{kind: newer, reason: "knows CLIENT SETINFO (7.2)", line: `^client setinfo nosuch`, from: `.*`, to: `-ERR Unrecognized option 'nosuch'`},
	{kind: newer, reason: "knows CLIENT SETINFO (7.2)", line: `^client setinfo lib-name "a b"`, from: `.*`, to: `-ERR lib-name cannot contain spaces, newlines or special characters.`},
	{kind: newer, reason: "knows CLIENT SETINFO (7.2)", line: `^client setinfo`, from: `-ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.`, to: `+OK`},
	{kind: newer, reason: "knows CLIENT SETINFO (7.2)", line: `^client help$`, more: `\+SETINFO, `},
	{kind: newer, reason: "knows CLIENT SETINFO (7.2)", line: `^command( info( client)?| list.*)?$`, more: row(`client\|setinfo`)},
	{kind: newer, reason: "COMMAND GETKEYS and GETKEYSANDFLAGS take a command without arguments (7.2)", line: `^command( info| info command)?$`, from: `("command\|getkeys(?:andflags)?"), :-4`, to: `$1, :-3`},
	{kind: newer, reason: "COMMAND GETKEYS and GETKEYSANDFLAGS take a command without arguments (7.2)", line: `^command getkeys(andflags)? (ping|sentinel)$`, from: `.*`, to: `-ERR The command has no key arguments`},
	{kind: newer, reason: "COMMAND GETKEYS and GETKEYSANDFLAGS take a command without arguments (7.2)", line: `^command getkeys(andflags)? nosuch$`, from: `.*`, to: `-ERR Invalid command specified`},
	{kind: newer, reason: "users show sanitize-payload (7.2)", line: `^acl list$`, from: `"(user \S+ (?:on|off)(?: nopass)?)(?: sanitize-payload)? ([^s])`, to: `"$1 sanitize-payload $2`},
	{kind: newer, reason: "users show sanitize-payload (7.2)", line: `^acl getuser`, from: `("flags"..? (?:set)?\["(?:on|off)"(?:, "nopass")?)\]`, to: `$1, "sanitize-payload"]`},
	{kind: newer, reason: "rules of commands are shown as they were given, not worked out anew (7.2)", line: `^acl getuser bob$`, from: `"-@all \+@connection"`, to: `"-@all +@connection +ping|x"`},
	{kind: newer, reason: "refusals name the user (7.2)", line: `^`, from: `-NOPERM this user has no permissions to run`, to: `-NOPERM User bob has no permissions to run`},
	{kind: newer, reason: "refusals name the user (7.2)", line: `^acl dryrun bob`, from: `This user has no permissions`, to: `User bob has no permissions`},
	{kind: newer, reason: "the refusal of a channel has another text (7.2)", line: `(subscribe|publish)`, from: `-NOPERM this user has no permissions to access one of the channels used as arguments`, to: `-NOPERM No permissions to access a channel`},
	{kind: newer, reason: "knows CLIENT SETINFO (7.2)", line: `^acl cat connection`, more: `"client\|setinfo"(, )?`},
	{kind: valkey, reason: "knows PRIMARY, PRIMARIES, GET-PRIMARY-ADDR-BY-NAME, IS-PRIMARY-DOWN-BY-ADDR beside the old names", line: `^acl cat (admin|dangerous)$`, more: `"sentinel\|(?:get-|is-)?prima[^"]*"(, )?`},
	{kind: newer, reason: "entries have an id and two times (7.2)", line: `^acl log`, more: `, "entry-id"..? [^,]*, "timestamp-created"..? [^,]*, "timestamp-last-updated"..? [^,\]]*`},
	{kind: newer, reason: "shows more fields about clients (7.4)", line: `^info`, from: `\\nclients_in_timeout_table:0\\n`,
		to: `\npubsub_clients:*\nwatching_clients:*\nclients_in_timeout_table:0\ntotal_watched_keys:*\ntotal_blocking_keys:*\ntotal_blocking_keys_on_nokey:*\n`},
	{kind: newer, reason: "SENTINEL CONFIG takes several patterns, and several parameters, all or none (7.2)", line: `^command( info| info sentinel| info sentinel\|config)?$`, from: `"sentinel\|config", :-3`, to: `"sentinel|config", :-4`},
	{kind: newer, reason: "SENTINEL CONFIG takes several patterns, and several parameters, all or none (7.2)", line: `^sentinel config (get|set|foo)$`, from: `.*`, to: `-ERR wrong number of arguments for 'sentinel|config' command`},
	{kind: newer, reason: "SENTINEL CONFIG takes several patterns, and several parameters, all or none (7.2)", line: `^sentinel config (foo bar|set announce-port|set nosuch)$`, from: `.*`,
		to: `-ERR Only SENTINEL CONFIG GET <param> [<param> <param> ...] / SET <param> <value> [<param> <value> ...] are supported.`},
	{kind: newer, reason: "SENTINEL CONFIG takes several patterns, and several parameters, all or none (7.2)", line: `^sentinel config get announce-ip announce-port$`, ask: `SENTINEL CONFIG get announce-[ip]?*`,
		from: `"announce-ip"(:|,) "", "announce-port"`, to: `"announce-ip"$1 "", "announce-port"`},
	{kind: newer, reason: "SENTINEL CONFIG takes several patterns, and several parameters, all or none (7.2)", line: `^sentinel config get nosuch announce-port$`, ask: `SENTINEL CONFIG get announce-port`},
	{kind: newer, reason: "SENTINEL CONFIG takes several patterns, and several parameters, all or none (7.2)", line: `^sentinel config get announce-ip announce-\*$`, ask: `SENTINEL CONFIG get announce-*`,
		from: `("announce-hostnames"..? "no"), ("announce-ip"..? "")`, to: `$2, $1`},
	{kind: newer, reason: "SENTINEL CONFIG takes several patterns, and several parameters, all or none (7.2)", line: `^sentinel config set announce-port 1 announce-port 2$`, from: `.*`, to: `-ERR Duplicate argument 'announce-port' to SENTINEL CONFIG SET`},
	{kind: newer, reason: "SENTINEL CONFIG takes several patterns, and several parameters, all or none (7.2)", line: `^sentinel config set announce-port 1 announce-ip$`, from: `.*`, to: `-ERR Missing argument 'announce-ip' value`},
	{kind: newer, reason: "SENTINEL CONFIG takes several patterns, and several parameters, all or none (7.2)", line: `^sentinel config set announce-port 1 nosuch 2$`, from: `.*`, to: `-ERR Invalid argument 'nosuch' to SENTINEL CONFIG SET`},
	{kind: newer, reason: "SENTINEL CONFIG takes several patterns, and several parameters, all or none (7.2)", line: `^sentinel config set announce-port 1 announce-hostnames maybe$`, from: `.*`, to: `-ERR Invalid value 'maybe' to SENTINEL CONFIG SET 'announce-hostnames'`},
	{kind: newer, reason: "SENTINEL CONFIG takes several patterns, and several parameters, all or none (7.2)", line: `^sentinel config set announce-port 0 announce-hostnames no$`, from: `.*`, to: `+OK`},
	{kind: newer, reason: "knows the parameter loglevel (7.2)", line: `^sentinel config get \*$`, more: `, "loglevel"..? "notice"`},
	{kind: newer, reason: "knows the parameter loglevel (7.2)", line: `^sentinel config get loglevel$`, more: `"loglevel"..? "(notice|verbose)"`},
	{kind: newer, reason: "knows the parameter loglevel (7.2)", line: `^sentinel config set loglevel nosuch$`, from: `.*`, to: `-ERR Invalid value 'nosuch' to SENTINEL CONFIG SET 'loglevel'`},
	{kind: newer, reason: "knows the parameter loglevel (7.2)", line: `^sentinel config set loglevel (verbose|notice)$`, from: `.*`, to: `+OK`},

	{kind: newer, reason: "logs requests for a failover and votes as notices, not as warnings (7.2)", line: `^log, .*, text$`, from: `(Executing user requested FAILOVER of '\S+'|\S+ voted for \S+ \d+) \(#\)`, to: `$1 (*)`},

	// Valkey.
	{kind: valkey, reason: "knows PRIMARY, PRIMARIES, GET-PRIMARY-ADDR-BY-NAME, IS-PRIMARY-DOWN-BY-ADDR beside the old names", line: `^sentinel (get-|is-)?primary\b(.*)`, ask: `SENTINEL ${1}master$2`, from: `'sentinel\|(get-|is-)?master\b`, to: `'sentinel|${1}primary`},
	{kind: valkey, reason: "knows PRIMARY, PRIMARIES, GET-PRIMARY-ADDR-BY-NAME, IS-PRIMARY-DOWN-BY-ADDR beside the old names", line: `^sentinel primaries\b(.*)`, ask: `SENTINEL masters$1`, from: `'sentinel\|masters'`, to: `'sentinel|primaries'`},
	{kind: valkey, reason: "knows PRIMARY, PRIMARIES, GET-PRIMARY-ADDR-BY-NAME, IS-PRIMARY-DOWN-BY-ADDR beside the old names", line: `^command( info( sentinel)?| list.*)?$`, more: row(`sentinel\|(?:get-|is-)?prima[^"]*`)},
	{kind: valkey, reason: "knows the option primary-reboot-down-after-period", line: `^sentinel set (\S+) primary-(reboot-down-after-period.*)`, ask: `SENTINEL SET $1 master-$2`, from: `'master-reboot`, to: `'primary-reboot`},

	// Ours.
	{kind: ours, reason: "answers QUIT, as Redis did up to 6.2: old clients and health checks send it", line: `^quit`, from: `.*`, to: `+OK +(closed)`},
	{kind: ours, reason: "refuses a time beyond the clock, where 7.0 overflows and does not pause", line: `^client pause 9223372036854775807`, from: `\+OK`, to: `-ERR timeout is out of range`},
	{kind: ours, reason: "shows the version of gosentinel at the end of the section Server", line: `^info`, more: `gosentinel_version:\*\\n`},
	{kind: ours, reason: "has SENTINEL GOSSIP, by which it knows its kind", line: `^command( info( sentinel)?| list.*)?$`, more: row(`sentinel\|gossip`)},
	{kind: ours, reason: "has SENTINEL GOSSIP, by which it knows its kind", line: `^acl cat (admin|dangerous)$`, more: `"sentinel\|gossip"(, )?`},
	{kind: ours, reason: "has SENTINEL GOSSIP, by which it knows its kind", line: `^sentinel help$`, more: `\+GOSSIP, `},
	{kind: ours, reason: ownPause, line: `^command( info( sentinel)?| list.*)?$`, more: row(`sentinel\|(?:pause|resume)-failover`)},
	{kind: ours, reason: ownPause, line: `^acl cat (admin|dangerous)$`, more: `"sentinel\|(pause|resume)-failover"(, )?`},
	{kind: ours, reason: ownPause, line: `^sentinel help$`, more: `\+(PAUSE|RESUME)-FAILOVER, `},
	{kind: ours, reason: ownPause, line: `^sentinel (pause-failover spare 60000( kernel)?|resume-failover spare)$`, from: `.*`, to: `+OK`},
	{kind: ours, reason: ownPause, line: `^sentinel (pause-failover nosuch 1|resume-failover nosuch)$`, from: `.*`, to: `-ERR No such master with that name`},
	{kind: ours, reason: ownForget, line: `^command( info( sentinel)?| list.*)?$`, more: row(`sentinel\|forget`)},
	{kind: ours, reason: ownForget, line: `^acl cat (admin|dangerous)$`, more: `"sentinel\|forget"(, )?`},
	{kind: ours, reason: ownForget, line: `^sentinel help$`, more: `\+FORGET, `},
	{kind: ours, reason: ownForget, line: `^sentinel forget spare 192\.0\.2\.1:1$`, from: `.*`, to: `-ERR No such replica or Sentinel of this master; FORCE has the other Sentinels forget it nevertheless`},
	{kind: ours, reason: ownForget, line: `^sentinel forget spare 192\.0\.2\.2:1 force$`, from: `.*`, to: `+OK`},
	{kind: ours, reason: ownForget, line: `^sentinel forget spare x$`, from: `.*`, to: `-ERR Name a replica as host:port, or a Sentinel by its id of 40 characters`},
	{kind: ours, reason: ownForget, line: `^sentinel forget spare$`, from: `.*`, to: `-ERR wrong number of arguments for 'sentinel|forget' command`},
	{kind: ours, reason: ownForget, line: `^sentinel forget nosuch 192\.0\.2\.1:1$`, from: `.*`, to: `-ERR No such master with that name`},
	{kind: ours, reason: ownForget, line: `^sentinel forget spare 192\.0\.2\.1:1 x$`, from: `.*`, to: `-ERR After the member, SENTINEL FORGET takes FORCE and nothing else`},
	{kind: ours, reason: ownPause, line: `^sentinel pause-failover spare 0$`, from: `.*`, to: `-ERR A pause lasts from 1 to 86400000 milliseconds (24 hours), and can be renewed; RESUME-FAILOVER ends one`},
	{kind: ours, reason: "shows more with SENTINEL MASTER, REPLICAS and SENTINELS <name> EXTENDED", line: `^command( info| info sentinel)?$`, from: `("sentinel\|(?:master|replicas|slaves|sentinels)"), :3`, to: `$1, :-3`},
	{kind: newer, reason: "counts how often TILT was entered (8)", line: `^info`, more: `sentinel_total_tilt:\*\\n`},
	{kind: ours, reason: "answers ECHO, as a server does: monitoring agents probe with it", line: `^echo x$`, from: `.*`, to: `"x"`},
	{kind: ours, reason: "counts what it gossips at the end of the section Sentinel", line: `^info`, more: `(sentinel_gossip_\w+:\*\\n)+`},
	{kind: ours, reason: "tells for how long its loop has let wait what arrived, and what it sends fast, and how often its guards act, at the end of the section Sentinel", line: `^info`, more: `(sentinel_(loop|fast|guards)_\w+:\*\\n)+`},
	{kind: ours, reason: "texts of COMMAND DOCS are its own, without complexity, history and arguments", line: `^command docs (ping|role)`, from: `, "complexity".*`, to: `]]`},
	{kind: ours, reason: "texts of COMMAND DOCS are its own, without complexity, history and arguments", line: `^command docs sentinel`, from: `, "complexity"..? "[^"]*"`},
	{kind: ours, reason: "refuses commands of more than 65536 words, and words of more than 1 MiB, which no command of a Sentinel has", line: `^\*(65537|1048577|2147483647)\r\n(x|\{eof)`, from: `.*`, to: `-ERR Protocol error: invalid multibulk length `},
	{kind: ours, reason: "refuses commands of more than 65536 words, and words of more than 1 MiB, which no command of a Sentinel has", line: `^\*1\r\n\$(1048577|536870912)\r\n\{eof`, from: `.*`, to: `-ERR Protocol error: invalid bulk length `},
	{kind: ours, reason: "answers an inline command with a NUL, in which 7.0 finds no end of the line", line: `^PING\x00`, from: `^`, to: `-ERR unknown command 'PING', with args beginning with:  `},
	{kind: newer, reason: "shows the listening sockets (7.2)", line: `^info`, more: `listener0:\*\\n`},
	{kind: ours, reason: "refuses negative epochs, which 7.0 takes for 2^64-1", line: `^sentinel is-master-down-by-addr 1.2.3.4 1 -1`, from: `.*`, to: `-ERR value is not an integer or out of range`},
	{kind: ours, reason: "refuses ids that no Sentinel can have", line: `^sentinel is-master-down-by-addr 1.2.3.4 1 0 "a b"`, from: `.*`, to: `-ERR Invalid runid: at most 40 characters without blanks are expected, or *`},
	{kind: ours, reason: "refuses periods of more than ten years, with which 7.0 overflows", line: `^sentinel set spare down-after-milliseconds 9223372036854775807`, from: `.*`, to: `-ERR Invalid argument '9223372036854775807' for SENTINEL SET 'down-after-milliseconds'`},
	{kind: ours, reason: "refuses periods of more than ten years, with which 7.0 overflows", line: `^sentinel debug election-timeout 9223372036854775807`, from: `\+OK (.*)`, to: `-ERR Invalid argument '9223372036854775807' for SENTINEL DEBUG 'election-timeout' $1`},
	{kind: ours, reason: "refuses control characters, which inject lines into the file", line: `^sentinel set spare auth-pass "a\\n`, from: `.*`, to: `-ERR Invalid argument at index 4 for SENTINEL SET: control characters are not allowed`},
	{kind: ours, reason: "refuses control characters, which inject lines into the file", line: `^sentinel config set announce-ip "a\\n`, from: `.*`, to: `-ERR Invalid argument at index 4 for SENTINEL CONFIG SET: control characters are not allowed`},
	{kind: ours, reason: "refuses control characters, which inject lines into the file", line: `^sentinel monitor "a\\n`, from: `.*`, to: `-ERR Invalid argument at index 2 for SENTINEL MONITOR: control characters are not allowed -ERR No such master with that name`},
	{kind: ours, reason: "refuses names that break the file or the hello message", line: `^sentinel monitor "?(a b|a,b|)"? 127`, from: `.*`,
		to: `-ERR Invalid master name '${1}': it must have 1 to 255 characters and no blank, comma, quote or backslash; use letters, digits and . - _ -ERR No such master with that name`},
	{kind: ours, reason: badAddress, line: `^sentinel config set announce-ip (0\.0\.0\.0|::|255\.255\.255\.255|224\.0\.0\.1)\n`, from: `.*`,
		to: `-ERR Invalid value '$1' to SENTINEL CONFIG SET 'announce-ip': nobody can connect to this address +OK`},
	{kind: ours, reason: badAddress, line: `^sentinel config set announce-ip "?( 1\.2\.3\.4|1\.2\.3\.4,5)"?\n`, from: `.*`,
		to: `-ERR Invalid value '$1' to SENTINEL CONFIG SET 'announce-ip': an address cannot contain white space, quotes, commas, backslashes or control characters +OK`},
	{kind: ours, reason: badAddress, line: `^sentinel monitor bad (0\.0\.0\.0|::|255\.255\.255\.255|224\.0\.0\.1) 0 1\n`, from: `.*`,
		to: `-ERR Invalid IP address or hostname specified: nobody can connect to this address -ERR No such master with that name`},
	{kind: ours, reason: "refuses a directory as a script", line: `^sentinel set spare client-reconfig-script /etc$`, from: `.*`, to: `-ERR Client reconfiguration script seems non existing or non executable`},
	{kind: ours, reason: "asks for votes in a failover on demand as well", line: `^(event|log|call), failover (?:on demand|without loss), peer, \+vote-for-leader$`, more: `(# )?\+vote-for-leader \{subject-id\} \d+\n`},
	{kind: ours, reason: ownOptions, line: `^(event|log|call), .*, subject, (master|slave) `, more: `(# )?\+guard(-report)? [^\n]*\n?`},
	{kind: ours, reason: ownOptions, line: `^(event|log|call), the way of stock, subject, master mymaster$`, more: `(# )?\+set master mymaster 127\.0\.0\.1 \{replica1-port\} planned-failover stock\n?`},
	{kind: ours, reason: ownOptions, line: `^log, the way of stock, subject, text$`, more: `Sentinel new configuration saved on disk \(\*\)\n?`},
	{kind: ours, reason: "says why a failover on demand may lose writes", line: `^log, (failover on demand|simulated failure), subject, text$`, more: `This FAILOVER is made in the way of stock, which may lose writes: planned-failover is set to stock \(\*\)\n`},
	{kind: ours, reason: ownFailover, line: `^command( info| info sentinel)?$`, from: `"sentinel\|failover", :3`, to: `"sentinel|failover", :-3`},
	{kind: ours, reason: ownFailover, line: `^sentinel failover (mymaster|nosuch) x$`, from: `.*`, to: `-ERR Unknown failover option specified: after the name, COORDINATED or FORCE is allowed, and TO <host> <port>`},
	{kind: ours, reason: ownFailover, line: `^sentinel failover nosuch (coordinated|force to 127.0.0.1 1)$`, from: `.*`, to: `-ERR No such master with that name`},
	{kind: ours, reason: ownFailover, line: `^sentinel failover spare to 127.0.0.1 0$`, from: `.*`, to: `-ERR Invalid port number.`},
	{kind: ours, reason: ownLease, line: `^command( info| info sentinel)?$`, from: `("sentinel\|is-master-down-by-addr"), :6`, to: `$1, :-6`},
	{kind: ours, reason: ownLease, line: `^sentinel is-master-down-by-addr 1.2.3.4 1 0 \* lease 1000$`, from: `.*`, to: `[:0, "*", :0, :0]`},
	{kind: ours, reason: ownLease, line: `^sentinel is-master-down-by-addr 1.2.3.4 1 0 \* lease 0$`, from: `.*`, to: `-ERR Invalid lease: a number of milliseconds from 1 to 10000 is expected`},
	{kind: ours, reason: ownOptions, line: `^sentinel set spare (planned-failover (stock|safe)|empty-promotion-grace (5000|0)|hold-unconfirmed-master (yes|no)|accept-empty (yes|no)|down-after-refused-milliseconds (200|0)|replica-expire (3600000|0))$`, from: `.*`, to: `+OK`},
	{kind: ours, reason: ownOptions, line: `^sentinel set spare planned-failover later$`, from: `.*`, to: `-ERR Invalid argument 'later' for SENTINEL SET 'planned-failover': it must be safe or stock`},
	{kind: ours, reason: ownOptions, line: `^sentinel set spare empty-promotion-grace -1$`, from: `.*`, to: `-ERR Invalid argument '-1' for SENTINEL SET 'empty-promotion-grace'`},
	{kind: ours, reason: ownOptions, line: `^sentinel set spare hold-unconfirmed-master perhaps$`, from: `.*`, to: `-ERR Invalid argument 'perhaps' for SENTINEL SET 'hold-unconfirmed-master'`},
	{kind: ours, reason: ownOptions, line: `^sentinel set spare accept-empty perhaps$`, from: `.*`, to: `-ERR Invalid argument 'perhaps' for SENTINEL SET 'accept-empty'`},
	{kind: ours, reason: ownOptions, line: `^sentinel set spare down-after-refused-milliseconds -1$`, from: `.*`, to: `-ERR Invalid argument '-1' for SENTINEL SET 'down-after-refused-milliseconds'`},
	{kind: ours, reason: ownOptions, line: `^sentinel set spare (return-fence report|[a-z-]+ auto)$`, from: `.*`, to: `+OK`},
	{kind: ours, reason: ownOptions, line: `^sentinel set spare return-fence perhaps$`, from: `.*`, to: `-ERR Invalid argument 'perhaps' for SENTINEL SET 'return-fence': it must be auto, off, report or on`},
	{kind: ours, reason: ownOptions, line: `^sentinel config get default-return-fence$`, from: `^\[\]`, to: `["default-return-fence", "auto"]`},
	{kind: ours, reason: ownOptions, line: `^sentinel config get default-return-fence$`, from: `map\[\]`, to: `map["default-return-fence": "auto"]`},
	{kind: ours, reason: ownOptions, line: `^sentinel config set default-(return-fence report|[a-z-]+ auto)$`, from: `.*`, to: `+OK`},
	{kind: ours, reason: ownOptions, line: `^sentinel config set default-return-fence perhaps$`, from: `.*`, to: `-ERR Invalid value 'perhaps' to SENTINEL CONFIG SET 'default-return-fence': it must be auto, off, report or on`},
	{kind: ours, reason: "says in the log why a connection does not come up", line: `^log, .*, text$`, more: `(Link to [^\n]*\n)+`},
	{kind: ours, reason: "asks for votes in a failover on demand as well", line: `^log, (failover on demand|failover without loss|simulated failure), subject, text$`, more: `\{peer-id\} voted for \{subject-id\} \d+ \(\*\)\n`},
	{kind: ours, reason: "does not write latency-tracking-info-percentiles, which means nothing to a Sentinel", line: `^file, directives`, from: `latency-tracking-info-percentiles 50 99 99.9\n`},
	{kind: newer, reason: "users show sanitize-payload (7.2), which the original does once it has loaded its own user line", line: `^file, `, from: `sanitize-payload `},
	{kind: newer, reason: "users show sanitize-payload (7.2), which the original does once it has loaded its own user line", line: `^file, `, more: `sanitize-payload `},
	{kind: ours, reason: "adds no user line beside requirepass, since a later edit of that would have no effect then", line: `^file, directives$`, from: `user default on #\w{64} ~\* &\* \+@all\n`},
	{kind: ours, reason: "adds no user line beside requirepass, since a later edit of that would have no effect then", line: `^file, ours, then stock$`, more: `user default on #\w{64} ~\* &\* \+@all\n`},
	{kind: ours, reason: "does not write latency-tracking-info-percentiles, which means nothing to a Sentinel", line: `^file, ours, then stock$`, more: `latency-tracking-info-percentiles 50 99 99.9\n`},
	{kind: ours, reason: "takes a vote that it does not know of for one in the newest epoch, so that it cannot vote twice", line: `^file, directives`, from: `(leader-epoch \S+) 0\n`, to: "$1 {current-epoch}\n"},
	{kind: ours, reason: "says which Sentinel overrules SENTINEL MONITOR", line: `^log, .*, text$`, more: `Sentinel \S+ announces \S+ at \S+ since epoch \d+, which overrules the \S+ of SENTINEL MONITOR \(\*\)\n`},
	{kind: ours, reason: "refuses a quorum that is no number of Sentinels, which 7.0 cuts to 32 bits", line: `^sentinel monitor new 127.0.0.1 \{spare-port\} 99999999999`, from: `.*`, to: `-ERR Invalid quorum -ERR No such master with that name`},
	{kind: ours, reason: keptDefault, line: `^file, directives$`, more: defaultLine},
	{kind: ours, reason: keptDefault, line: `^file, ours, then stock$`, from: defaultLine},
	{kind: ours, reason: usableAddress, line: `^file, (stock, then ours, )?sentinel config get`, from: `("announce-ip"[:,]) (?:"0\.0\.0\.0"|" (192\.0\.2\.132)")`, to: `$1 "$2"`},
	{kind: ours, reason: usableAddress, line: `^file, ours, then stock, sentinel config get`, more: `0\.0\.0\.0`},
	{kind: ours, reason: usableAddress, line: `^file, (directives|stock, then ours)$`, from: `(announce-ip ) (192\.0\.2\.132\n)`, to: `$1$2`},
	{kind: ours, reason: ownJournal, line: `^command( info( sentinel)?| list.*)?$`, more: row(`sentinel\|failovers`)},
	{kind: ours, reason: ownJournal, line: `^acl cat (admin|dangerous)$`, more: `"sentinel\|failovers"(, )?`},
	{kind: ours, reason: ownJournal, line: `^sentinel help$`, more: `\+FAILOVERS, `},
	{kind: ours, reason: ownJournal, line: `^log, .*, text$`, more: `((Failover( by order| in the way of stock)?|Planned switchover|Takeover of an unfinished switchover) of \S+( \(|: )[^\n]*\n?)+`},
	{kind: ours, reason: "says in the log why no failover begins, and why a vote or a FAILOVER is refused", line: `^log, .*, text$`, more: `((No failover of|This Sentinel begins no failover of|No vote for Sentinel|The FAILOVER of) [^\n]*\n?)+`},
}

const ownFailover = "takes COORDINATED or FORCE, and TO <host> <port>, after SENTINEL FAILOVER <name>"
const ownJournal = "keeps a journal of failovers, which SENTINEL FAILOVERS tells, and says in the log how each begins and ends"
const ownForget = "has SENTINEL FORGET"
const ownPause = "has SENTINEL PAUSE-FAILOVER and RESUME-FAILOVER"
const ownLease = "takes LEASE <ms> at the end of IS-MASTER-DOWN-BY-ADDR, by which a peer of its kind leads a planned failover"
const ownOptions = "has the options planned-failover, empty-promotion-grace, hold-unconfirmed-master, accept-empty, down-after-refused-milliseconds and replica-expire, and those of the guards"
const usableAddress = "takes an announced address to which nobody can connect for none, and one in blanks without them"
const badAddress = "refuses addresses at which nobody can connect, or which hello messages cannot carry"

const keptDefault = "keeps a line in the file that says the default of an option"

// defaultLine is a line that stock removes, whole, with the one value that is the
// default of its option.
const defaultLine = `(?m)^sentinel (down-after-milliseconds \S+ 30000|failover-timeout \S+ 180000|parallel-syncs \S+ 1|master-reboot-down-after-period \S+ 0|announce-port 0|announce-ip )\n`

func init() {
	for _, d := range differences {
		d.lineRE = regexp.MustCompile(`(?i)` + d.line)
		if d.from != "" {
			d.fromRE = regexp.MustCompile(d.from)
		}
		if d.more != "" {
			d.moreRE = regexp.MustCompile(d.more)
		}
		d.used = map[string]bool{}
	}
}

// expected applies the differences to what stock and gosentinel said about one
// thing. Then both must be the same.
func expected(line, stock, got string) (string, string) {
	for _, d := range differences {
		if !d.lineRE.MatchString(line) {
			continue
		}
		if d.fromRE != nil {
			stock = d.apply(line, stock, d.fromRE, d.to)
		}
		if d.moreRE != nil {
			got = d.apply(line, got, d.moreRE, "")
		}
	}
	return tidy(stock), tidy(got)
}

// apply replaces once for from that is everything, else everywhere.
func (d *difference) apply(line, text string, from *regexp.Regexp, to string) string {
	if d.from == ".*" {
		to = d.lineRE.ReplaceAllString(d.lineRE.FindString(line), to) // may refer to the line
		if to != text {
			d.used[commandOf(line)] = true
		}
		return to
	}
	changed := from.ReplaceAllString(text, to)
	if changed != text {
		d.used[commandOf(line)] = true
	}
	return changed
}

var danglingComma = regexp.MustCompile(`, (\]|$)`)

// tidy removes the commas that are left over where a list lost its last item.
func tidy(text string) string { return danglingComma.ReplaceAllString(text, "$1") }

// ask returns what one side is asked for a line.
func ask(line string, s *side) string {
	if s.name != "stock" {
		return line
	}
	for _, d := range differences {
		if d.ask != "" && d.lineRE.MatchString(line) {
			d.used[commandOf(line)] = true
			line = d.lineRE.ReplaceAllString(line, d.ask)
		}
	}
	return line
}
