package conformance

import (
	"slices"
	"strings"
)

// group is a list of lines that are sent one after the other over one
// connection. A line of several commands, with line breaks in between, is sent
// at once. {names} stand for what differs on both sides.
type group struct {
	name  string
	on    string // "locked": the Sentinel that has a password, "users": the one with an ACL file, "renamed": the one with renamed commands
	raw   bool   // the lines are bytes, each for a connection of its own; {eof} ends what the client says
	ends  bool   // the lines end the connection, so they are not sent at once
	lines []string
}

// groups is the table of the command lines that are compared. They leave the
// Sentinel as they find it, because every group is played several times.
func groups() []group {
	return append(aclGroups(), []group{
		{name: "basics", lines: []string{
			"PING", "ping", "PiNg", "PING x", "PING a b", "PING a b c", `PING "a\x41\n\"" `, `PING 'it\'s'`, `PING ""`, `PING "\x00\xff"`, `PING "a b"`,
			`PING a"b c"d`, "PING " + strings.Repeat("x", 5000),
			"ECHO x", "GET", "GET a", "SET a b", "SELECT 0", "RESET", "TIME", "CONFIG GET port", "CONFIG", "MONITOR", "DEBUG sleep 0", "MULTI", "EXEC", "PUBSUB channels",
			"SSUBSCRIBE a", "SUNSUBSCRIBE", "SLOWLOG get", "LATENCY latest", "MEMORY usage a", "REPLICAOF no one", "SLAVEOF no one", "FAILOVER", "EVAL x 0", "WAIT 0 0",
			"KEYS *", "DBSIZE", "SAVE", "BGSAVE", "SYNC", "PSYNC ? -1", "MODULE list", "CLUSTER info", "ASKING", "READONLY", "OBJECT help", "LOLWUT", "SWAPDB 0 1", "SPUBLISH a b",
			"nosuch a b c", "nosuch " + strings.Repeat("x", 200), strings.Repeat("y", 200) + " a", "nosuch " + strings.Repeat("abcdefgh ", 30),
			`"no\r\nsuch" "a\r\nb"`, `"a\x00b" "c\x00d"`, `"" a`, "sentinel|masters", "client|id", "nosuch|sub a",
			"PING 1\nPING 2\nPING 3", "PING\nnosuch\nPING a b\nPING",
		}},
		{name: "renamed commands", on: "renamed", lines: []string{
			"ROLE", "ROLE x", "myrole", "MYROLE x", "SHUTDOWN", "SHUTDOWN abort", "PUBLISH __sentinel__:hello x", "COMMAND COUNT", "COMMAND INFO role", "COMMAND INFO MyRole", "COMMAND INFO shutdown", "COMMAND LIST",
			"ACL CAT pubsub", "ACL SETUSER bob on nopass +role +shutdown -ping", "ACL SETUSER bob +myrole", "ACL DRYRUN bob role", "ACL DRYRUN bob myrole", "ACL DRYRUN bob shutdown", "AUTH bob x", "PING", "MYROLE", "ROLE", "SHUTDOWN", "AUTH default x", "ACL DELUSER bob",
			"SUBSCRIBE x", "MYROLE", "ROLE", "UNSUBSCRIBE",
		}},
		{name: "quit", ends: true, lines: []string{"QUIT", "QUIT x", "QUIT\nPING", "quit"}},
		{name: "hello", lines: []string{
			"HELLO", "HELLO 2", "HELLO 3", "HELLO", "PING", "HELLO 2 SETNAME me", "CLIENT GETNAME", "HELLO 3 SETNAME you", "CLIENT GETNAME", "HELLO 2 setname third",
			"CLIENT GETNAME", "HELLO 4", "HELLO 1", "HELLO 0", "HELLO -1", "HELLO x", "HELLO 03", "HELLO 99999999999999999999", "HELLO 2 foo", "HELLO 2 foo bar",
			"HELLO 2 auth x", "HELLO 2 auth", "HELLO 2 setname", `HELLO 2 setname "a b"`, `HELLO 3 setname "a\nb"`, "HELLO 2 setname \"\x7f\"", `HELLO 2 setname ""`, "CLIENT GETNAME",
			"HELLO 3 auth nobody x", "HELLO 2 auth default x", "HELLO 3 auth default x setname z", "CLIENT GETNAME", "HELLO 2 auth default x auth default y", "HELLO setname x",
			"HELLO 2 setname a setname b", "CLIENT GETNAME", "HELLO 3 auth nobody x setname never", "CLIENT GETNAME", "HELLO 2",
		}},
		{name: "auth without password", lines: []string{
			"AUTH", "AUTH x", "AUTH a b", "AUTH default x", "AUTH nobody x", "AUTH a b c", `AUTH ""`, `AUTH default ""`, "AUTH default x y z", "PING",
		}},
		{name: "not authenticated", on: "locked", lines: []string{
			"PING", "PING a b", "HELLO", "HELLO 2", "HELLO 3", "HELLO x", "HELLO 2 foo", "HELLO 2 setname a", "HELLO 4", "ROLE", "INFO", "nosuch", "nosuch a b", "SENTINEL", "SENTINEL nosuch",
			"SENTINEL MASTERS", "SENTINEL MASTERS x", "SENTINEL MYID", "SENTINEL HELP", "SENTINEL GET-MASTER-ADDR-BY-NAME spare", "SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 {spare-port} 0 *",
			"CLIENT ID", "CLIENT nosuch", "CLIENT", "COMMAND", "COMMAND COUNT", "COMMAND nosuch", "ACL WHOAMI", "ACL nosuch", "SUBSCRIBE a", "PSUBSCRIBE a", "UNSUBSCRIBE", "PUBLISH a b",
			"PUBLISH __sentinel__:hello x", "SHUTDOWN abort", "SHUTDOWN", "AUTH", "AUTH wrong", "AUTH default wrong", "AUTH nobody secret", "AUTH a b c",
			"HELLO 2 auth default wrong", "HELLO 2 auth nobody secret", "HELLO 3 setname x auth default wrong", "PING",
			"CLIENT SETNAME x", "CLIENT REPLY off\nPING\nCLIENT REPLY on", "PING a\nPING b",
		}},
		{name: "authentication", on: "locked", lines: []string{
			"AUTH secret", "PING", "AUTH wrong", "PING", "AUTH default secret", "AUTH default wrong", "AUTH nobody secret", "ACL WHOAMI", "SENTINEL MASTERS", "HELLO", "HELLO 2 auth default secret",
			"HELLO 2 auth default wrong", "PING", "SENTINEL SET spare notification-script /bin/true", "SENTINEL SET spare client-reconfig-script /bin/true",
			"SENTINEL SET spare notification-script /nosuch", `SENTINEL SET spare notification-script ""`, "SENTINEL SET spare quorum 2 client-reconfig-script /bin/true", "SENTINEL MASTER spare",
			"SENTINEL SET spare quorum 1", "SENTINEL SENTINELS spare", "SENTINEL CKQUORUM spare", "SENTINEL CONFIG GET sentinel-pass",
			"SENTINEL CONFIG SET sentinel-pass x", "SENTINEL CONFIG SET sentinel-user y", "SENTINEL CONFIG GET sentinel-*", `SENTINEL CONFIG SET sentinel-pass ""`, `SENTINEL CONFIG SET sentinel-user ""`, "SENTINEL CONFIG GET sentinel-user",
		}},
		{name: "authentication by hello", on: "locked", lines: []string{
			"PING", "HELLO 3 auth default secret setname me", "CLIENT GETNAME", "PING", "HELLO 2", "AUTH secret",
		}},
		{name: "client", lines: []string{
			"CLIENT", "CLIENT nosuch", "CLIENT nosuch a b", "CLIENT GETNAME", "CLIENT GETNAME x", `CLIENT SETNAME "a b"`, "CLIENT SETNAME", "CLIENT SETNAME a b", "CLIENT SETNAME me",
			"CLIENT GETNAME", `CLIENT SETNAME ""`, "CLIENT GETNAME", "CLIENT SETNAME \"\xc3\xa9\"", "CLIENT ID", "CLIENT ID x", "CLIENT INFO", "CLIENT INFO x", "CLIENT SETNAME shown", "CLIENT INFO", "CLIENT SETNAME \"\"",
			"CLIENT LIST foo", "CLIENT LIST type", "CLIENT LIST type nosuch", "CLIENT LIST type master", "CLIENT LIST type replica", "CLIENT LIST type slave", "CLIENT LIST id x", "CLIENT LIST id", "CLIENT LIST id 0",
			"CLIENT LIST id 999999", "CLIENT LIST id 999999 x", "CLIENT LIST type normal id 1", "CLIENT LIST foo bar baz", "CLIENT LIST id -1",
			"CLIENT KILL", "CLIENT KILL 1.2.3.4:5", "CLIENT KILL type nosuch", "CLIENT KILL id 0", "CLIENT KILL id x", "CLIENT KILL id -1", "CLIENT KILL id 999999", "CLIENT KILL user nosuch", "CLIENT KILL foo bar",
			"CLIENT KILL skipme maybe", "CLIENT KILL id", "CLIENT KILL addr 1.2.3.4:5", "CLIENT KILL laddr 1.2.3.4:5", "CLIENT KILL addr 1.2.3.4:5 laddr 1.2.3.4:5 skipme yes", "CLIENT KILL type master", "CLIENT KILL type replica",
			"CLIENT KILL id 999999 skipme no", "CLIENT KILL id 999999 id 999998", "CLIENT KILL user default id 999999", "CLIENT KILL maxage 1000000000", "CLIENT KILL maxage x", "CLIENT KILL maxage 0",
			"CLIENT REPLY", "CLIENT REPLY maybe", "CLIENT REPLY on", "CLIENT REPLY on x", "CLIENT REPLY off\nPING\nnosuch\nCLIENT REPLY on\nPING 1", "CLIENT REPLY skip\nPING\nPING 2",
			"CLIENT REPLY skip\nnosuch\nPING 3", "CLIENT REPLY skip\nCLIENT REPLY skip\nPING 4\nPING 5", "CLIENT REPLY off\nCLIENT REPLY skip\nPING\nCLIENT REPLY on\nPING 6",
			"CLIENT NO-EVICT", "CLIENT NO-EVICT maybe", "CLIENT NO-EVICT on", "CLIENT INFO", "CLIENT NO-EVICT off", "CLIENT NO-TOUCH on", "CLIENT CAPA redirect",
			"CLIENT SETINFO lib-name x", "CLIENT SETINFO lib-ver 1.0", `CLIENT SETINFO lib-name ""`, `CLIENT SETINFO lib-ver ""`, "CLIENT SETINFO", "CLIENT SETINFO nosuch x", `CLIENT SETINFO lib-name "a b"`, "CLIENT HELP", "CLIENT HELP x",
			"CLIENT MAINT_NOTIFICATIONS on", "CLIENT LIST id {client}", "CLIENT LIST id 0 {client} 999999", "CLIENT LIST id {client} {client}", "HELLO 3 AUTH default x SETNAME foo", "CLIENT LIST id {client}", "CLIENT INFO", "HELLO 2 SETNAME bar", `CLIENT SETNAME "a\x00b"`, `CLIENT SETNAME "\xff"`, "CLIENT GETNAME",
			"CLIENT KILL addr x laddr", "CLIENT KILL user default skipme yes id 999999", "CLIENT KILL id 999999 addr", "CLIENT KILL skipme", "CLIENT KILL type", "CLIENT KILL user", "CLIENT REPLY OFF\nSUBSCRIBE a\nUNSUBSCRIBE a\nCLIENT REPLY ON",
		}},
		{name: "client killed", ends: true, lines: []string{"CLIENT KILL id {client} skipme no", "CLIENT KILL addr {client-addr}", "CLIENT KILL addr {client-addr} skipme no", "CLIENT KILL {client-addr}", "CLIENT KILL id {client} skipme no\nPING"}},
		{name: "client pause", lines: []string{
			"CLIENT PAUSE", "CLIENT PAUSE x", "CLIENT PAUSE -1", "CLIENT PAUSE 1.5", "CLIENT PAUSE 1 foo", "CLIENT PAUSE 1 all x", "CLIENT PAUSE 99999999999999999999", "CLIENT PAUSE 9223372036854775807", "CLIENT UNPAUSE",
			"CLIENT PAUSE 0", "CLIENT PAUSE 10\nPING", "CLIENT PAUSE 10 ALL\nPING", "CLIENT PAUSE 10 write\nPING\nPUBLISH __sentinel__:hello x", "CLIENT PAUSE 100000 write", "PING", "ROLE", "CLIENT UNPAUSE", "CLIENT UNPAUSE x",
			"PUBLISH __sentinel__:hello x", "CLIENT UNBLOCK", "CLIENT UNBLOCK x", "CLIENT UNBLOCK 999999", "CLIENT UNBLOCK 999999 timeout", "CLIENT UNBLOCK 999999 error", "CLIENT UNBLOCK 999999 foo", "CLIENT UNBLOCK 999999 error x",
			"CLIENT UNBLOCK {client}",
		}},
		{name: "client tracking", lines: []string{
			"CLIENT GETREDIR", "CLIENT GETREDIR x", "CLIENT TRACKINGINFO", "CLIENT TRACKINGINFO x", "CLIENT CACHING", "CLIENT CACHING yes", "CLIENT CACHING no", "CLIENT CACHING maybe", "CLIENT TRACKING", "CLIENT TRACKING maybe",
			"CLIENT TRACKING on foo", "CLIENT TRACKING on bcast optin", "CLIENT TRACKING on bcast optout", "CLIENT TRACKING on optin optout", "CLIENT TRACKING on prefix a", "CLIENT TRACKING on prefix", "CLIENT TRACKING on redirect 999999",
			"CLIENT TRACKING on redirect x", "CLIENT TRACKING on redirect", "CLIENT TRACKING on redirect {client} redirect {client}", "CLIENT TRACKING maybe foo", "CLIENT TRACKING off foo", "CLIENT TRACKING off prefix a", "CLIENT TRACKING off",
			"CLIENT TRACKING on", "CLIENT TRACKINGINFO", "CLIENT GETREDIR", "CLIENT INFO", "CLIENT CACHING yes", "CLIENT TRACKING on bcast", "CLIENT TRACKING on optin noloop", "CLIENT TRACKINGINFO", "CLIENT CACHING no", "CLIENT CACHING maybe",
			"CLIENT CACHING yes\nCLIENT TRACKINGINFO\nPING\nCLIENT TRACKINGINFO", "CLIENT TRACKING on optout", "CLIENT TRACKING off", "CLIENT TRACKING on optout", "CLIENT CACHING yes", "CLIENT CACHING no\nCLIENT TRACKINGINFO", "CLIENT TRACKING off",
			"CLIENT TRACKING on bcast prefix a prefix ab", "CLIENT TRACKING on bcast prefix b prefix a", "CLIENT TRACKING on bcast prefix cc", "CLIENT TRACKING on bcast prefix c", "CLIENT TRACKING on bcast prefix ccc", "CLIENT TRACKINGINFO",
			"CLIENT INFO", "CLIENT TRACKING on", "CLIENT TRACKING off", "CLIENT TRACKING on bcast", "CLIENT TRACKINGINFO", "CLIENT TRACKING on bcast prefix x", "CLIENT TRACKING off", "CLIENT TRACKINGINFO",
			"CLIENT TRACKING on redirect {client}", "CLIENT TRACKING off", "PING",
		}},
		{name: "command", lines: []string{
			"COMMAND", "COMMAND COUNT", "COMMAND COUNT x", "COMMAND nosuch", "COMMAND LIST", "COMMAND LIST x", "COMMAND LIST filterby", "COMMAND LIST filterby x y", "COMMAND LIST filterby pattern *subscribe", "COMMAND LIST filterby pattern *SUBSCRIBE",
			"COMMAND LIST filterby pattern nosuch", "COMMAND LIST filterby pattern client|k*", "COMMAND LIST filterby pattern p*", "COMMAND LIST filterby aclcat pubsub", "COMMAND LIST filterby aclcat fast", "COMMAND LIST filterby aclcat nosuch",
			"COMMAND LIST filterby aclcat connection", "COMMAND LIST filterby module x", "COMMAND LIST filterby pattern a b",
			"COMMAND INFO", "COMMAND INFO ping", "COMMAND INFO PING auth hello", "COMMAND INFO nosuch", "COMMAND INFO get quit", "COMMAND INFO publish info role", "COMMAND INFO shutdown subscribe psubscribe unsubscribe punsubscribe",
			"COMMAND INFO client", "COMMAND INFO command", "COMMAND INFO sentinel", "COMMAND INFO sentinel|masters client|list sentinel|nosuch", "COMMAND INFO sentinel|config", "COMMAND INFO client|help sentinel|help",
			"COMMAND DOCS nosuch", "COMMAND DOCS ping", "COMMAND DOCS role nosuch",
			"COMMAND GETKEYS", "COMMAND GETKEYS ping", "COMMAND GETKEYS get a", "COMMAND GETKEYS publish a b", "COMMAND GETKEYS publish a", "COMMAND GETKEYS sentinel foo", "COMMAND GETKEYS sentinel masters", "COMMAND GETKEYS quit x",
			"COMMAND INFO acl", "COMMAND INFO acl|cat acl|log command|docs command|count", "COMMAND INFO sentinel|get-master-addr-by-name SENTINEL|SET", "COMMAND LIST filterby aclcat admin", "COMMAND LIST filterby aclcat dangerous", "COMMAND LIST filterby aclcat slow", "COMMAND LIST filterby aclcat ADMIN", "COMMAND LIST filterby pattern sentinel|*", "COMMAND LIST filterby module",
			"COMMAND DOCS", "COMMAND DOCS sentinel|masters", "COMMAND DOCS SENTINEL|MASTERS client|id", "COMMAND GETKEYS sentinel", "COMMAND GETKEYS nosuch", "COMMAND GETKEYSANDFLAGS sentinel masters", "COMMAND GETKEYSANDFLAGS nosuch x", "COMMAND GETKEYSANDFLAGS nosuch",
			"COMMAND GETKEYSANDFLAGS", "COMMAND GETKEYSANDFLAGS ping", "COMMAND GETKEYSANDFLAGS publish a b", "COMMAND GETKEYSANDFLAGS get a", "COMMAND HELP", "COMMAND HELP x",
		}},
		{name: "info", lines: []string{
			"INFO", "INFO server", "INFO SERVER", "INFO clients", "INFO stats", "INFO cpu", "INFO sentinel", "INFO nosuch", "INFO sentinel nosuch", "INFO sentinel server", "INFO replication", "INFO memory", "INFO keyspace", "INFO persistence",
			"INFO commandstats", "INFO default", "INFO all", "INFO everything", "INFO nosuch all", `INFO ""`,
			"INFO server clients", "INFO clients server nosuch", "INFO sentinel clients", "INFO cpu stats", "INFO default sentinel", "INFO everything server", "INFO all default", "INFO Default", "INFO EVERYTHING", "INFO SENTINEL Sentinel", "INFO keyspace sentinel", "INFO modules errorstats latencystats cluster", "INFO sentinel\nINFO nosuch\nINFO server",
		}},
		{name: "role and publish", lines: []string{
			"ROLE", "ROLE x", "PUBLISH", "PUBLISH x", "PUBLISH x y", "PUBLISH x y z", "PUBLISH __SENTINEL__:hello x", "PUBLISH __sentinel__:hello junk", `PUBLISH __sentinel__:hello ""`, "PUBLISH __sentinel__:hello a,b,c,d,e,f,g,h",
			"PUBLISH __sentinel__:hello 127.0.0.1,1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,0,nosuch,127.0.0.1,1,0", "PUBLISH __sentinel__:hello 127.0.0.1,1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,0,mymaster,127.0.0.1,1",
			"PUBLISH __sentinel__:hello 127.0.0.1,1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,0,mymaster,127.0.0.1,1,0,0", "SENTINEL SENTINELS mymaster",
		}},
		{name: "subscriptions", lines: []string{
			"UNSUBSCRIBE", "PUNSUBSCRIBE", "UNSUBSCRIBE a b", "PUNSUBSCRIBE a*", "SUBSCRIBE", "PSUBSCRIBE", "SUBSCRIBE a", "SUBSCRIBE a b a", "PSUBSCRIBE a*", `PSUBSCRIBE "[ab]?\*" ""`, "PING", "PING x", "PING a b", "ROLE", "ROLE x", "INFO", "HELLO",
			"CLIENT ID", "CLIENT INFO", "CLIENT", "SENTINEL MYID", "SENTINEL MYID x", "SENTINEL nosuch", "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster", "COMMAND COUNT", "AUTH x", "PUBLISH a b", "nosuch", "ACL WHOAMI", "SHUTDOWN abort",
			"UNSUBSCRIBE a", "UNSUBSCRIBE nosuch", "UNSUBSCRIBE", "UNSUBSCRIBE", "PING", "PUNSUBSCRIBE a*", "PUNSUBSCRIBE", "PUNSUBSCRIBE", "PING", "ROLE", "SUBSCRIBE x\nUNSUBSCRIBE x\nPING", "SUBSCRIBE x\nPING 1\nUNSUBSCRIBE", "PING",
			"SUBSCRIBE nosuch +nosuch", "CLIENT REPLY off\nPING\nCLIENT REPLY on", "UNSUBSCRIBE nosuch +nosuch", "CLIENT REPLY skip\nSUBSCRIBE z\nUNSUBSCRIBE z\nPING",
		}},
		{name: "sentinel reads", lines: []string{
			"SENTINEL", "SenTinel nosuch", "SENTINEL nosuch a b", "SENTINEL MASTERS", "SENTINEL masters", "SENTINEL MASTERS a", "SENTINEL MASTER", "SENTINEL MASTER mymaster", "SENTINEL MASTER MYMASTER", "SENTINEL MASTER nosuch", "SENTINEL MASTER mymaster x",
			"SENTINEL MASTER spare", "SENTINEL REPLICAS", "SENTINEL REPLICAS mymaster", "SENTINEL REPLICAS nosuch", "SENTINEL REPLICAS spare", "SENTINEL REPLICAS mymaster x", "SENTINEL SLAVES", "SENTINEL SLAVES mymaster", "SENTINEL SLAVES nosuch",
			"SENTINEL SLAVES mymaster x", "SENTINEL SENTINELS", "SENTINEL SENTINELS mymaster", "SENTINEL SENTINELS spare", "SENTINEL SENTINELS nosuch", "SENTINEL SENTINELS mymaster x", "SENTINEL GET-MASTER-ADDR-BY-NAME", "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster",
			"sentinel get-master-addr-by-name mymaster", "SENTINEL GET-MASTER-ADDR-BY-NAME nosuch", "SENTINEL GET-MASTER-ADDR-BY-NAME spare", `SENTINEL GET-MASTER-ADDR-BY-NAME ""`, "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster x", "SENTINEL CKQUORUM",
			"SENTINEL CKQUORUM mymaster", "SENTINEL CKQUORUM nosuch", "SENTINEL CKQUORUM spare", "SENTINEL CKQUORUM mymaster x", "SENTINEL INFO-CACHE", "SENTINEL INFO-CACHE mymaster", "SENTINEL INFO-CACHE nosuch", "SENTINEL INFO-CACHE mymaster nosuch mymaster",
			"SENTINEL INFO-CACHE spare", "SENTINEL INFO-CACHE nosuch nosuch2", "SENTINEL MYID", "SENTINEL MYID x", "SENTINEL HELP", "SENTINEL HELP x", "SENTINEL PENDING-SCRIPTS", "SENTINEL PENDING-SCRIPTS x",
			"SENTINEL MYID\nSENTINEL GET-MASTER-ADDR-BY-NAME mymaster\nSENTINEL nosuch\nPING",
		}},
		{name: "is-master-down-by-addr", lines: []string{
			"SENTINEL IS-MASTER-DOWN-BY-ADDR", "SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 {master-port} 0", "SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 {master-port} 0 *", "SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 {master-port} 0 * x",
			"SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 {spare-port} 0 *", "SENTINEL IS-MASTER-DOWN-BY-ADDR 127.1 {master-port} 0 *", "SENTINEL IS-MASTER-DOWN-BY-ADDR 1.2.3.4 1 0 *", "SENTINEL IS-MASTER-DOWN-BY-ADDR 1.2.3.4 x 0 *",
			"SENTINEL IS-MASTER-DOWN-BY-ADDR 1.2.3.4 1 x *", "SENTINEL IS-MASTER-DOWN-BY-ADDR 1.2.3.4 99999 0 *", "SENTINEL IS-MASTER-DOWN-BY-ADDR 1.2.3.4 -1 0 *", "SENTINEL IS-MASTER-DOWN-BY-ADDR nosuchhost.invalid 1 0 *",
			`SENTINEL IS-MASTER-DOWN-BY-ADDR "" 1 0 *`, "SENTINEL IS-MASTER-DOWN-BY-ADDR 1.2.3.4 1 0 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "SENTINEL IS-MASTER-DOWN-BY-ADDR 1.2.3.4 1 99999999999999999999 *", "SENTINEL IS-MASTER-DOWN-BY-ADDR 1.2.3.4 x x *",
			"SENTINEL IS-MASTER-DOWN-BY-ADDR 1.2.3.4 1 0x10 *", "SENTINEL IS-MASTER-DOWN-BY-ADDR ::1 {master-port} 0 *", "SENTINEL IS-MASTER-DOWN-BY-ADDR 1.2.3.4 1 -1 *", "SENTINEL IS-MASTER-DOWN-BY-ADDR 1.2.3.4 1 0 * LEASE 1000", "SENTINEL IS-MASTER-DOWN-BY-ADDR 1.2.3.4 1 0 * LEASE 0", "SENTINEL IS-MASTER-DOWN-BY-ADDR 1.2.3.4 1 0 * x", `SENTINEL IS-MASTER-DOWN-BY-ADDR 1.2.3.4 1 0 "a b"`,
		}},
		{name: "set", lines: []string{
			"SENTINEL SET", "SENTINEL SET spare", "SENTINEL SET spare quorum", "SENTINEL SET spare quorum x", "SENTINEL SET spare quorum 0", "SENTINEL SET spare quorum -1", "SENTINEL SET spare quorum 1x", "SENTINEL SET spare quorum +1", "SENTINEL SET spare quorum 01",
			`SENTINEL SET spare quorum ""`, "SENTINEL SET spare Foo 1", "SENTINEL SET spare foo 1 quorum 3", "SENTINEL SET nosuch quorum 1", "SENTINEL SET nosuch foo 1", "SENTINEL SET spare quorum 3", "SENTINEL MASTER spare", "SENTINEL SET spare QuOrUm 2",
			"SENTINEL SET spare parallel-syncs 0", "SENTINEL SET spare parallel-syncs -1", "SENTINEL SET spare parallel-syncs x", "SENTINEL SET spare parallel-syncs 7", "SENTINEL SET spare parallel-syncs",
			"SENTINEL SET spare down-after-milliseconds 0", "SENTINEL SET spare down-after-milliseconds -1", "SENTINEL SET spare down-after-milliseconds 1x", "SENTINEL SET spare down-after-milliseconds 200000000", "SENTINEL SET spare Down-After-Milliseconds x",
			"SENTINEL SET spare failover-timeout 0", "SENTINEL SET spare failover-timeout 1x", "SENTINEL SET spare failover-timeout 5000", "SENTINEL MASTER spare", "SENTINEL SET spare down-after-milliseconds 9223372036854775807",
			"SENTINEL SET spare down-after-milliseconds 100000000 failover-timeout 180000 parallel-syncs 1 quorum 4", "SENTINEL SET spare quorum 5 quorum x parallel-syncs 9", "SENTINEL MASTER spare", "SENTINEL SET spare quorum 2 nosuch", "SENTINEL SET spare quorum 3 parallel-syncs",
			"SENTINEL MASTER spare", "SENTINEL SET spare quorum 2",
			"SENTINEL SET spare auth-pass pw", "SENTINEL SET spare auth-user bob auth-pass pw2", `SENTINEL SET spare auth-pass "" auth-user ""`, "SENTINEL SET spare auth-pass", "SENTINEL MASTER spare",
			"SENTINEL SET spare rename-command a", `SENTINEL SET spare rename-command a ""`, `SENTINEL SET spare rename-command "" b`, "SENTINEL SET spare rename-command config guessme", "SENTINEL SET spare rename-command CONFIG other", "SENTINEL SET spare rename-command config CONFIG",
			"SENTINEL SET spare rename-command a b c", "SENTINEL SET spare master-reboot-down-after-period x", "SENTINEL SET spare master-reboot-down-after-period -1", "SENTINEL SET spare master-reboot-down-after-period 5", "SENTINEL SET spare master-reboot-down-after-period 0",
			"SENTINEL SET spare planned-failover stock", "SENTINEL SET spare planned-failover later", "SENTINEL SET spare planned-failover safe", "SENTINEL SET spare empty-promotion-grace 5000", "SENTINEL SET spare empty-promotion-grace -1", "SENTINEL SET spare empty-promotion-grace 0", "SENTINEL SET spare hold-unconfirmed-master yes", "SENTINEL SET spare hold-unconfirmed-master perhaps", "SENTINEL SET spare hold-unconfirmed-master no", "SENTINEL SET spare accept-empty yes", "SENTINEL SET spare accept-empty perhaps", "SENTINEL SET spare accept-empty no", "SENTINEL SET spare down-after-refused-milliseconds 200", "SENTINEL SET spare down-after-refused-milliseconds -1", "SENTINEL SET spare down-after-refused-milliseconds 0", "SENTINEL SET spare replica-expire 3600000", "SENTINEL SET spare replica-expire 0", "SENTINEL SET spare return-fence report", "SENTINEL SET spare return-fence perhaps", "SENTINEL SET spare return-fence auto", "SENTINEL SET spare isolation-fence auto", "SENTINEL SET spare lineage-guard auto", "SENTINEL SET spare foreign-node-guard auto", "SENTINEL SET spare advertised-guard auto", "SENTINEL SET spare refusal-detection auto",
			"SENTINEL SET spare can-failover no", "SENTINEL SET spare config-epoch 1", `SENTINEL SET spare auth-pass "a\nb"`, `SENTINEL SET spare auth-pass ""`, "SENTINEL MASTER spare", "SENTINEL SET spare quorum 3\nSENTINEL SET spare quorum x\nSENTINEL SET spare quorum 2",
		}},
		{name: "pauses", lines: []string{
			"SENTINEL PAUSE-FAILOVER spare 60000", "SENTINEL PAUSE-FAILOVER spare 60000 kernel", "SENTINEL PAUSE-FAILOVER spare 0", "SENTINEL PAUSE-FAILOVER nosuch 1", "SENTINEL RESUME-FAILOVER spare", "SENTINEL RESUME-FAILOVER nosuch",
		}},
		{name: "forget", lines: []string{
			"SENTINEL FORGET spare 192.0.2.1:1", "SENTINEL FORGET spare 192.0.2.2:1 FORCE", "SENTINEL FORGET spare x", "SENTINEL FORGET spare", "SENTINEL FORGET nosuch 192.0.2.1:1", "SENTINEL FORGET spare 192.0.2.1:1 x",
		}},
		{name: "set scripts", lines: []string{
			"SENTINEL SET spare notification-script /nosuch", "SENTINEL SET spare notification-script", "SENTINEL SET spare notification-script /bin/true", "SENTINEL MASTER spare", `SENTINEL SET spare notification-script ""`,
			"SENTINEL SET spare client-reconfig-script /nosuch", "SENTINEL SET spare client-reconfig-script /etc/passwd", "SENTINEL SET spare client-reconfig-script", "SENTINEL SET spare client-reconfig-script /bin/true", "SENTINEL MASTER spare",
			`SENTINEL SET spare client-reconfig-script ""`, "SENTINEL SET spare client-reconfig-script /etc", `SENTINEL SET spare client-reconfig-script ""`, "SENTINEL MASTER spare", "{wait:sentinel_scripts_queue_length:0}",
		}},
		{name: "config", lines: []string{
			"SENTINEL CONFIG", "SENTINEL CONFIG get", "SENTINEL CONFIG set", "SENTINEL CONFIG foo", "SENTINEL CONFIG foo bar", "SENTINEL CONFIG get nosuch", "SENTINEL CONFIG GET announce-port", "SENTINEL CONFIG get ANNOUNCE-PORT", "SENTINEL CONFIG get announce-hostnames",
			"SENTINEL CONFIG get announce-*", "SENTINEL CONFIG get *", "SENTINEL CONFIG get *-hostnames", "SENTINEL CONFIG get announce-ip", "SENTINEL CONFIG get sentinel-user", "SENTINEL CONFIG get sentinel-pass", "SENTINEL CONFIG get resolve-hostnames",
			"SENTINEL CONFIG get loglevel", "SENTINEL CONFIG get default-return-fence", "SENTINEL CONFIG set default-return-fence report", "SENTINEL CONFIG set default-return-fence perhaps", "SENTINEL CONFIG set default-return-fence auto",
			"SENTINEL CONFIG set default-isolation-fence auto", "SENTINEL CONFIG set default-lineage-guard auto", "SENTINEL CONFIG set default-foreign-node-guard auto", "SENTINEL CONFIG set default-advertised-guard auto", "SENTINEL CONFIG set default-refusal-detection auto", "SENTINEL CONFIG get announce-ip announce-port", "SENTINEL CONFIG get announce-ip announce-*", "SENTINEL CONFIG get nosuch announce-port", `SENTINEL CONFIG get ""`,
			"SENTINEL CONFIG set announce-port", "SENTINEL CONFIG set announce-port x", "SENTINEL CONFIG set announce-port -1", "SENTINEL CONFIG set announce-port 65536", "SENTINEL CONFIG set announce-port 1x", "SENTINEL CONFIG set announce-port 5000",
			"SENTINEL CONFIG get announce-port", "SENTINEL CONFIG set Announce-Port 0", "SENTINEL CONFIG set nosuch x", "SENTINEL CONFIG set nosuch", "SENTINEL CONFIG set resolve-hostnames maybe", "SENTINEL CONFIG set resolve-hostnames YES", "SENTINEL CONFIG get resolve-hostnames",
			"SENTINEL CONFIG set resolve-hostnames no", "SENTINEL CONFIG set announce-hostnames maybe", "SENTINEL CONFIG set announce-hostnames yes", "SENTINEL CONFIG get announce-hostnames", "SENTINEL CONFIG set announce-hostnames no",
			"SENTINEL CONFIG set announce-ip 127.0.0.1", "SENTINEL CONFIG get announce-ip", `SENTINEL CONFIG set announce-ip ""`, "SENTINEL CONFIG get announce-ip", "SENTINEL CONFIG set deny-scripts-reconfig no", "SENTINEL CONFIG get deny-scripts-reconfig",
			"SENTINEL CONFIG set announce-port 1 announce-port 2", "SENTINEL CONFIG set announce-port 1 announce-ip", "SENTINEL CONFIG set announce-port 1 nosuch 2", "SENTINEL CONFIG set announce-port 1 announce-hostnames maybe", "SENTINEL CONFIG get announce-port",
			"SENTINEL CONFIG set announce-port 0 announce-hostnames no", "SENTINEL CONFIG set loglevel nosuch", "SENTINEL CONFIG set loglevel verbose", "SENTINEL CONFIG get loglevel", "SENTINEL CONFIG set loglevel Notice", "SENTINEL CONFIG get myid", "SENTINEL CONFIG get [ar]*", `SENTINEL CONFIG get "\\*"`, "SENTINEL CONFIG get ANNOUNCE-?P", "SENTINEL CONFIG get announce-i[a-z]", "SENTINEL CONFIG set announce-port 00", `SENTINEL CONFIG set announce-port ""`, "SENTINEL CONFIG set resolve-hostnames 1", `SENTINEL CONFIG set nosuch ""`, "SENTINEL CONFIG set ANNOUNCE-IP 1.2.3.4", "SENTINEL CONFIG get announce-ip", `SENTINEL CONFIG set announce-ip "a\nb"`, `SENTINEL CONFIG set announce-ip ""`,
		}},
		{name: "debug", lines: []string{
			"SENTINEL DEBUG", "SENTINEL DEBUG info-period", "SENTINEL DEBUG info-period x", "SENTINEL DEBUG info-period 0", "SENTINEL DEBUG info-period -1", "SENTINEL DEBUG info-period 1x", "SENTINEL DEBUG Foo", "SENTINEL DEBUG foo 1", "SENTINEL DEBUG info-period 9000 foo 1",
			"SENTINEL DEBUG", "SENTINEL DEBUG Info-Period 10000", "SENTINEL DEBUG ping-period 900 ask-period 900 publish-period 1900 default-down-after 20000 default-failover-timeout 170000 tilt-trigger 3000",
			"SENTINEL DEBUG tilt-period 29000 slave-reconf-timeout 9000 min-link-reconnect-period 14000 election-timeout 9000 script-max-runtime 50000 script-retry-delay 20000", "SENTINEL DEBUG",
			"SENTINEL DEBUG ping-period 1000 ask-period 1000 publish-period 2000 default-down-after 30000 default-failover-timeout 180000 tilt-trigger 2000 tilt-period 30000 slave-reconf-timeout 10000 min-link-reconnect-period 15000 election-timeout 10000 script-max-runtime 60000 script-retry-delay 30000",
			"SENTINEL DEBUG ping-period 1000 ask-period", "SENTINEL DEBUG info-period x foo", "SENTINEL DEBUG", "SENTINEL DEBUG info-period 99999999999999999999", `SENTINEL DEBUG "" 1`, `SENTINEL DEBUG info-period ""`, "SENTINEL DEBUG info-period 8000 ping-period x", "SENTINEL DEBUG", "SENTINEL DEBUG info-period 10000", "SENTINEL DEBUG election-timeout 9223372036854775807\nSENTINEL DEBUG election-timeout 10000",
		}},
		{name: "simulate-failure", lines: []string{
			"SENTINEL SIMULATE-FAILURE", "SENTINEL SIMULATE-FAILURE nosuch", "SENTINEL SIMULATE-FAILURE help", "SENTINEL SIMULATE-FAILURE crash-after-election", "INFO sentinel", "SENTINEL SIMULATE-FAILURE Crash-After-Promotion", "INFO sentinel",
			"SENTINEL SIMULATE-FAILURE crash-after-election crash-after-promotion", "INFO sentinel", "SENTINEL SIMULATE-FAILURE crash-after-election nosuch crash-after-promotion", "INFO sentinel", "SENTINEL SIMULATE-FAILURE crash-after-promotion HELP x", "INFO sentinel",
			"SENTINEL SIMULATE-FAILURE help crash-after-election", "INFO sentinel",
		}},
		{name: "monitor", lines: []string{
			"SENTINEL MONITOR", "SENTINEL MONITOR a b", "SENTINEL MONITOR a 127.0.0.1 6379 2 x", "SENTINEL MONITOR a 127.0.0.1 6379 x", "SENTINEL MONITOR a 127.0.0.1 x 2", "SENTINEL MONITOR a 127.0.0.1 x x", "SENTINEL MONITOR a 127.0.0.1 6379 0", "SENTINEL MONITOR a 127.0.0.1 6379 -1",
			"SENTINEL MONITOR a nosuchhost.invalid 6379 1", "SENTINEL MONITOR a localhost 6379 1", `SENTINEL MONITOR a "" 6379 1`, "SENTINEL MONITOR a 127.0.0.1 70000 1", "SENTINEL MONITOR a 127.0.0.1 -1 1", "SENTINEL MONITOR a 127.0.0.1 +1 1", "SENTINEL MONITOR a 127.0.0.1 01 1",
			"SENTINEL MONITOR a 256.0.0.1 1 1", "SENTINEL MONITOR a 1.2.3.4.5 1 1", "SENTINEL MONITOR spare 127.0.0.1 1 1", "SENTINEL MONITOR spare 127.0.0.1 70000 1", "SENTINEL MONITOR spare nosuchhost.invalid 1 1",
			"SENTINEL MONITOR new 127.0.0.1 {spare-port} 3", "SENTINEL SET new down-after-milliseconds 100000000", "SENTINEL MASTER new", "SENTINEL GET-MASTER-ADDR-BY-NAME new", "SENTINEL CKQUORUM new", "ROLE", "SENTINEL MONITOR new 127.0.0.1 {spare-port} 3", "SENTINEL FAILOVER new", "SENTINEL RESET new", "SENTINEL RESET nosuch",
			"SENTINEL RESET", "SENTINEL RESET a b", "SENTINEL RESET n?w", "SENTINEL RESET [m-o]ew", "SENTINEL RESET NEW", `SENTINEL RESET ""`, `SENTINEL RESET "\\new"`, "SENTINEL MASTER new", "SENTINEL REMOVE", "SENTINEL REMOVE nosuch", "SENTINEL REMOVE NEW", "SENTINEL REMOVE new x", "SENTINEL REMOVE new", "SENTINEL REMOVE new", "SENTINEL MASTER new",
			"SENTINEL MONITOR new 127.1 {spare-port} 1", "SENTINEL SET new down-after-milliseconds 100000000", "SENTINEL GET-MASTER-ADDR-BY-NAME new", "SENTINEL REMOVE new", "SENTINEL MONITOR new 0x7f000001 {spare-port} 1", "SENTINEL SET new down-after-milliseconds 100000000", "SENTINEL GET-MASTER-ADDR-BY-NAME new", "SENTINEL REMOVE new", "SENTINEL MONITOR new ::1 {spare-port} 1",
			"SENTINEL SET new down-after-milliseconds 100000000", "SENTINEL MASTER new", "SENTINEL GET-MASTER-ADDR-BY-NAME new", "INFO sentinel", "SENTINEL REMOVE new", "SENTINEL MONITOR new 127.0.0.1 0 1", "SENTINEL SET new down-after-milliseconds 100000000", "SENTINEL MASTER new", "SENTINEL REMOVE new",
			"SENTINEL MONITOR new 127.0.0.1 {spare-port} 99999999999\nSENTINEL REMOVE new", "SENTINEL MONITOR \"a b\" 127.0.0.1 1 1\nSENTINEL REMOVE \"a b\"", "SENTINEL MONITOR a,b 127.0.0.1 1 1\nSENTINEL REMOVE a,b",
			"SENTINEL MONITOR \"a\\nb\" 127.0.0.1 1 1\nSENTINEL REMOVE \"a\\nb\"", "SENTINEL MONITOR \"\" 127.0.0.1 1 1\nSENTINEL REMOVE \"\"", "SENTINEL FLUSHCONFIG", "SENTINEL FLUSHCONFIG x", "SENTINEL FAILOVER", "SENTINEL FAILOVER nosuch", "SENTINEL FAILOVER spare", "SENTINEL FAILOVER mymaster x", "SENTINEL FAILOVER nosuch x", "SENTINEL FAILOVER nosuch COORDINATED", "SENTINEL FAILOVER nosuch FORCE TO 127.0.0.1 1", "SENTINEL FAILOVER spare TO 127.0.0.1", "SENTINEL FAILOVER spare TO 127.0.0.1 0",
		}},
		{name: "bad addresses", lines: []string{
			"SENTINEL CONFIG SET announce-ip 0.0.0.0\nSENTINEL CONFIG SET announce-ip \"\"", "SENTINEL CONFIG SET announce-ip ::\nSENTINEL CONFIG SET announce-ip \"\"",
			"SENTINEL CONFIG SET announce-ip 255.255.255.255\nSENTINEL CONFIG SET announce-ip \"\"", "SENTINEL CONFIG SET announce-ip 224.0.0.1\nSENTINEL CONFIG SET announce-ip \"\"",
			"SENTINEL CONFIG SET announce-ip 1.2.3.4,5\nSENTINEL CONFIG SET announce-ip \"\"", "SENTINEL CONFIG SET announce-ip \" 1.2.3.4\"\nSENTINEL CONFIG SET announce-ip \"\"",
			"SENTINEL CONFIG SET announce-ip FE80::A\nSENTINEL CONFIG GET announce-ip\nSENTINEL CONFIG SET announce-ip \"\"",
			"SENTINEL CONFIG SET announce-ip watch_1.\nSENTINEL CONFIG GET announce-ip\nSENTINEL CONFIG SET announce-ip \"\"",
			"SENTINEL MONITOR bad 0.0.0.0 0 1\nSENTINEL REMOVE bad", "SENTINEL MONITOR bad :: 0 1\nSENTINEL REMOVE bad", "SENTINEL MONITOR bad 255.255.255.255 0 1\nSENTINEL REMOVE bad", "SENTINEL MONITOR bad 224.0.0.1 0 1\nSENTINEL REMOVE bad",
			"SENTINEL MONITOR bad \" 10.0.0.1\" 0 1", "SENTINEL MONITOR bad \"10.0.0.1 \" 0 1", "SENTINEL MONITOR bad 10.0.0.1,x 0 1", "SENTINEL MONITOR bad redis_1 0 1", "SENTINEL MONITOR bad \"a\\\\b\" 0 1", "SENTINEL MONITOR bad " + strings.Repeat("h", 300) + " 0 1",
			"SENTINEL MONITOR odd 010.0.0.1 0 1\nSENTINEL GET-MASTER-ADDR-BY-NAME odd\nSENTINEL REMOVE odd", "SENTINEL MONITOR odd FE80::A 0 1\nSENTINEL GET-MASTER-ADDR-BY-NAME odd\nSENTINEL REMOVE odd",
		}},
		{name: "Valkey", lines: []string{
			"SENTINEL PRIMARIES", "SENTINEL PRIMARIES x", "SENTINEL PRIMARY mymaster", "SENTINEL PRIMARY nosuch", "SENTINEL PRIMARY", "SENTINEL GET-PRIMARY-ADDR-BY-NAME mymaster", "SENTINEL GET-PRIMARY-ADDR-BY-NAME nosuch", "SENTINEL GET-PRIMARY-ADDR-BY-NAME",
			"SENTINEL IS-PRIMARY-DOWN-BY-ADDR 127.0.0.1 {master-port} 0 *", "SENTINEL IS-PRIMARY-DOWN-BY-ADDR 127.0.0.1 x 0 *", "SENTINEL IS-PRIMARY-DOWN-BY-ADDR", "SENTINEL SET spare primary-reboot-down-after-period 5", "SENTINEL SET spare primary-reboot-down-after-period -1",
			"SENTINEL SET spare primary-reboot-down-after-period 0",
		}},
		{name: "shutdown refused", lines: []string{
			"SHUTDOWN abort", "SHUTDOWN foo", "SHUTDOWN save nosave", "SHUTDOWN abort now", "SHUTDOWN abort save", "SHUTDOWN now foo", "SHUTDOWN save nosave now", "SHUTDOWN abort abort",
		}},
		{name: "protocol", raw: true, lines: []string{
			"*1\r\n$9223372036854775807\r\n", "*9223372036854775807\r\n", "*1\r\n$-1\r\n", "*x\r\n", "*1\r\nPING\r\n", "*1\r\n\r\nx\r\n", "PING\r\n*x\r\n", "\"\r\n", "PING \"a\"b\r\n", "PING 'a'b\r\n", "POST / HTTP/1.1\r\n", "post x\r\n", "Host: x\r\n", "host: x\r\n",
			"*01\r\n", "*+1\r\n", "*1\r\n$04\r\n", "* 1\r\n", "*1\r\n$4\r\nPINGab*x\r\n", "*0\r\n*-7\r\n\r\nPING\r\n*x\r\n", "*2\r\n$4\r\nPING\r\n:1\r\n", "*1\r\n$x\r\n", "*2147483648\r\n", "*1\r\n$536870913\r\n", "\n\r\n \r\nPING\n*x\r\n",
			"*-5\r\n*0\r\n*-1\r\nPING\r\n{eof}", "*1048577\r\nx\r\n", "*1048577\r\n{eof}", "*65536\r\nx\r\n", "*65537\r\nx\r\n", "*2147483647\r\n{eof}", "*4294967297\r\n", "*-99999999999999999999\r\n", "*-0\r\n", "*\r\n", "*1\r\n$\r\n", "*1\r\n$-5\r\n", "*1\r\n$4294967300\r\n",
			"*1\r\n$536870912\r\n{eof}", "*1\r\n$1048576\r\n{eof}", "*1\r\n$1048577\r\n{eof}", "*1\n$4\nPING\n{eof}", "*2\r\n$4\r\nPOST\r\n$1\r\nx\r\n", "*1\r\n$5\r\nhost:\r\n", "Host:x\r\n*x\r\n", "+PING\r\n$4\r\n%1\r\n*x\r\n", "\tPING\ta\r\n*x\r\n", "PING\r*x\r\n*x\r\n", "PING \"\\x4\" '\\x41' ab\"c d\"\r\n*x\r\n",
			"*3\r\n$4\r\nPING\r\n*1\r\n", "PING 1\r\n*1\r\n$4\r\nPI{eof}", "PING {eof}", "*1\r\n$0\r\n\r\n*x\r\n", "PING" + strings.Repeat(" a", 2000) + "\r\n*x\r\n", string(multibulk(slices.Repeat([]string{"PING"}, 5000))) + "*x\r\n", "PING\x00x\r\n" + strings.Repeat("a", 65537+100),
			strings.Repeat("a", 65537+100), "*" + strings.Repeat("1", 65537+100), "*1\r\n$" + strings.Repeat("1", 65537+100),
		}},
		{name: "protocol, not authenticated", on: "locked", raw: true, lines: []string{
			"*11\r\n", "*10\r\n$4\r\nPING\r\n$x\r\n", "*2\r\n$4\r\nPING\r\n$16385\r\n", "*2\r\n$4\r\nPING\r\n$16384\r\n" + strings.Repeat("x", 16384) + "\r\n*x\r\n", "*x\r\n", "PING a b c d e f g h i j k l\r\n*x\r\n",
			"*10\r\n{eof}", "*-11\r\nPING\r\n*x\r\n", "*65537\r\n", "*1048577\r\n", "*2147483647\r\n", "*2147483648\r\n", "*1\r\n$16385\r\n", "*1\r\n$1048577\r\n", "*1\r\n$536870912\r\n", "*1\r\n$536870913\r\n", "*1\r\n$-1\r\n", "*2\r\n$4\r\nPING\r\n$16384\r\n{eof}", "PING " + strings.Repeat("x", 20000) + "\r\n*x\r\n",
			"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*11\r\nx\r\n", "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*2\r\n$4\r\nPING\r\n$16385\r\n{eof}", "*2\r\n$4\r\nAUTH\r\n$5\r\nwrong\r\n*11\r\nx\r\n",
		}},
		{name: "scripts", lines: []string{
			"SENTINEL PENDING-SCRIPTS", "SENTINEL MONITOR scripted 127.0.0.1 {spare-port} 2", "SENTINEL SET scripted down-after-milliseconds 100000000 notification-script {script}", "{wait:sentinel_running_scripts:1}",
			"SENTINEL PENDING-SCRIPTS", "INFO sentinel", "SENTINEL SET scripted quorum 3", "{wait:sentinel_running_scripts:2}", "SENTINEL PENDING-SCRIPTS", `SENTINEL SET scripted notification-script ""`, "SENTINEL REMOVE scripted", "{release}", "{wait:sentinel_scripts_queue_length:0}",
			"SENTINEL PENDING-SCRIPTS", "INFO sentinel",
		}},
	}...)
}
