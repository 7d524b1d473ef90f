package conformance

import "strings"

// usersFile is the ACL file of the Sentinel "users".
const usersFile = "user default on nopass ~* &* +@all\nuser bob on #" + hashOfPW + " -@all +ping &+switch-master\n"

// hashOfPW is the SHA-256 of "pw".
const hashOfPW = "30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4"

// aclGroups is the part of the table about users. Each group makes the users
// that it needs, becomes one of them with AUTH, and comes back as the default
// user, who needs no password, to remove them.
func aclGroups() []group {
	return []group{
		{name: "acl", lines: []string{
			"ACL", "ACL nosuch", "ACL WHOAMI", "ACL WHOAMI x", "ACL USERS", "ACL USERS x", "ACL LIST", "ACL LIST x", "ACL HELP", "ACL HELP x",
			"ACL CAT", "ACL CAT nosuch", "ACL CAT admin", "ACL CAT ADMIN", "ACL CAT dangerous", "ACL CAT connection", "ACL CAT pubsub", "ACL CAT fast", "ACL CAT keyspace", "ACL CAT admin x", `ACL CAT ""`,
			"ACL GENPASS", "ACL GENPASS 1", "ACL GENPASS 5", "ACL GENPASS 128", "ACL GENPASS 4096", "ACL GENPASS 4097", "ACL GENPASS 0", "ACL GENPASS -1", "ACL GENPASS x", "ACL GENPASS 1 2",
			"ACL SAVE", "ACL SAVE x", "ACL LOAD", "ACL LOAD x", "ACL GETUSER", "ACL GETUSER nobody", "ACL GETUSER a b", "ACL DELUSER", "ACL DELUSER nobody", "ACL DELUSER default", "ACL DELUSER nobody default",
		}},
		{name: "acl setuser", lines: []string{
			"ACL SETUSER", "ACL SETUSER bob", "ACL GETUSER bob", "ACL USERS", "ACL LIST", "ACL SETUSER bob on >pw", "ACL GETUSER bob", "ACL SETUSER bob >pw >other", "ACL GETUSER bob", "ACL SETUSER bob <other",
			"ACL SETUSER bob <other", "ACL SETUSER bob <", "ACL SETUSER bob >", "ACL SETUSER bob #xyz", "ACL SETUSER bob !xyz", "ACL SETUSER bob #" + strings.ToUpper(hashOfPW), "ACL SETUSER bob #" + hashOfPW,
			"ACL SETUSER bob !" + hashOfPW, "ACL SETUSER bob !" + hashOfPW, "ACL GETUSER bob", "ACL SETUSER bob nopass", "ACL GETUSER bob", "ACL SETUSER bob resetpass", "ACL GETUSER bob", "ACL SETUSER bob off >pw",
			"ACL SETUSER bob +nosuch", "ACL SETUSER bob -nosuch", "ACL SETUSER bob +get", "ACL SETUSER bob +quit", "ACL SETUSER bob +auth", "ACL SETUSER bob +@nosuch", "ACL SETUSER bob -@nosuch", "ACL SETUSER bob +@", "ACL SETUSER bob +",
			"ACL SETUSER bob -", "ACL SETUSER bob nosuch", `ACL SETUSER bob ""`, "ACL SETUSER bob +sentinel|nosuch", "ACL SETUSER bob -sentinel|nosuch", "ACL SETUSER bob -ping|x", "ACL SETUSER bob +sentinel|masters|x", "ACL SETUSER bob +sentinel|", "ACL SETUSER bob +|masters",
			"ACL SETUSER bob on nosuch +ping", "ACL GETUSER bob", "ACL SETUSER bob ~* ~a", "ACL SETUSER bob ~a ~b %R~c %W~d %RW~e", "ACL GETUSER bob", "ACL SETUSER bob %X~a", "ACL SETUSER bob %~a", "ACL SETUSER bob %R", "ACL SETUSER bob ~*", "ACL SETUSER bob ~a",
			"ACL SETUSER bob resetkeys", "ACL SETUSER bob allkeys", "ACL SETUSER bob &a &b*", "ACL GETUSER bob", "ACL SETUSER bob &*", "ACL SETUSER bob &a", "ACL SETUSER bob allchannels", "ACL SETUSER bob resetchannels &+switch-master", "ACL SETUSER bob &* &x",
			`ACL SETUSER bob "& x"`, `ACL SETUSER bob "~a b"`, "ACL SETUSER bob (+ping", "ACL SETUSER bob +ping)", "ACL SETUSER bob (nosuch)", "ACL SETUSER bob (on)", "ACL SETUSER bob (+ping &a)", "ACL SETUSER bob (+role", "ACL SETUSER bob ( +role &z )", "ACL SETUSER bob clearselectors",
			"ACL SETUSER bob sanitize-payload", "ACL SETUSER bob skip-sanitize-payload", "ACL GETUSER bob", "ACL SETUSER bob reset", "ACL GETUSER bob", "ACL LIST",
			`ACL SETUSER "a b" on`, `ACL SETUSER "a\x00b" on`, `ACL SETUSER "" on`, `ACL DELUSER ""`, "ACL DELUSER bob nobody", "ACL DELUSER bob", "ACL GETUSER bob", "ACL LIST", "ACL USERS",
		}},
		{name: "acl login", lines: []string{
			"ACL LOG reset", "AUTH bob pw", "ACL SETUSER bob", "AUTH bob pw", "ACL SETUSER bob >pw", "AUTH bob pw", "ACL SETUSER bob on", "AUTH bob wrong", "AUTH BOB pw", "ACL WHOAMI", "AUTH bob pw", "PING", "ACL WHOAMI", "HELLO", "HELLO 3", "HELLO 2 setname x",
			"HELLO 2 auth bob wrong", "HELLO 2 auth default x", "ACL WHOAMI", "HELLO 3 auth bob pw setname me", "ACL WHOAMI", "CLIENT GETNAME", "HELLO 2", "AUTH default x", "ACL SETUSER bob nopass", "AUTH bob anything", "AUTH default x", "ACL SETUSER bob off",
			"AUTH bob anything", "ACL SETUSER bob on resetpass", `AUTH bob ""`, "AUTH bob pw", "ACL DELUSER bob", "ACL LOG", "ACL LOG reset",
		}},
		{name: "acl limited", lines: []string{
			"ACL LOG reset", "ACL SETUSER bob on >pw +ping +info +sentinel|get-master-addr-by-name +sentinel|ckquorum +client|setname +client|id -client|kill +command|count +acl|whoami", "AUTH bob pw",
			"PING", "PING a b", "PING x", "ROLE", "ROLE x", "INFO nosuch", "nosuch", "nosuch a", "SENTINEL", "SENTINEL nosuch", "SENTINEL MASTERS", "SENTINEL MASTERS x", "SENTINEL MYID", "SENTINEL HELP", "SENTINEL GET-MASTER-ADDR-BY-NAME nosuch",
			"SENTINEL get-master-addr-by-name mymaster", "SENTINEL GET-MASTER-ADDR-BY-NAME", "SENTINEL CKQUORUM nosuch", "SENTINEL SET spare quorum 9", "SENTINEL CONFIG get announce-port", "SENTINEL CONFIG set announce-port 5", "SENTINEL DEBUG", "SENTINEL RESET nosuch",
			"SENTINEL MONITOR x 127.0.0.1 1 1", "SENTINEL FAILOVER nosuch", "SENTINEL IS-MASTER-DOWN-BY-ADDR 1.2.3.4 1 0 *", "SENTINEL SIMULATE-FAILURE help", "CLIENT", "CLIENT nosuch", "CLIENT ID", "CLIENT SETNAME me", "CLIENT GETNAME", "CLIENT LIST", "CLIENT KILL id 999999",
			"CLIENT PAUSE 1", "CLIENT UNPAUSE", "CLIENT REPLY on", "COMMAND", "COMMAND COUNT", "COMMAND LIST", "COMMAND DOCS nosuch", "ACL", "ACL WHOAMI", "ACL LIST", "ACL USERS", "ACL SETUSER bob +@all", "ACL GETUSER bob", "ACL LOG", "ACL LOAD", "ACL SAVE", "ACL DRYRUN bob ping",
			"ACL CAT", "ACL GENPASS", "SHUTDOWN", "SHUTDOWN abort", "PUBLISH x y", "PUBLISH __sentinel__:hello x", "SUBSCRIBE a", "PSUBSCRIBE a", "UNSUBSCRIBE", "UNSUBSCRIBE a", "PUNSUBSCRIBE", "AUTH bob wrong", "PING", "HELLO", "PING 1\nROLE\nPING 2", "CLIENT REPLY skip\nROLE\nPING",
			"AUTH default x", "ACL LOG 100", "ACL LOG reset", "ACL LOG", "ACL DELUSER bob",
		}},
		{name: "acl categories and selectors", lines: []string{
			"ACL SETUSER bob on nopass +@all -@dangerous +role -ping (+sentinel|myid &only) (+publish &__sentinel__:hello)", "AUTH bob x", "PING", "ROLE", "INFO", "SENTINEL MYID", "SENTINEL MASTERS", "SENTINEL HELP", "CLIENT ID", "CLIENT LIST", "PUBLISH __sentinel__:hello x",
			"PUBLISH x y", "SUBSCRIBE only", "SUBSCRIBE a", "COMMAND COUNT", "AUTH default x", "ACL SETUSER bob -@all +sentinel +client -sentinel|masters -client|id", "AUTH bob x", "SENTINEL MASTERS", "SENTINEL MYID", "CLIENT ID", "CLIENT GETNAME", "PING", "AUTH default x",
			"ACL SETUSER bob allcommands", "ACL SETUSER bob nocommands", "AUTH bob x", "PING", "AUTH default x", "ACL SETUSER bob -@all +@connection +ping|x", "ACL GETUSER bob", "AUTH bob x", "PING", "PING x", "PING y", "CLIENT ID", "CLIENT LIST id 0", "COMMAND", "ROLE", "AUTH default x", "ACL DELUSER bob",
		}},
		{name: "acl channels", lines: []string{
			"ACL LOG reset", "ACL SETUSER bob on nopass +@all &+switch-master &-* &__sentinel__:hello", "AUTH bob x", "SUBSCRIBE +switch-master", "UNSUBSCRIBE +switch-master", "SUBSCRIBE +sdown", "SUBSCRIBE +switch-master +sdown", "PING", "SUBSCRIBE -sdown", "UNSUBSCRIBE", "PSUBSCRIBE *",
			"PSUBSCRIBE -*", "PUNSUBSCRIBE", "PSUBSCRIBE -sdown", "PSUBSCRIBE +switch-master", "PSUBSCRIBE +switch-master -* x*", "PUBLISH __sentinel__:hello x", "PUBLISH other x", "UNSUBSCRIBE +sdown", "PUNSUBSCRIBE *", "PING", "AUTH default x",
			"ACL LOG 2", "ACL SETUSER bob resetchannels", "AUTH bob x", "SUBSCRIBE +switch-master", "PUBLISH __sentinel__:hello x", "AUTH default x", "ACL SETUSER bob allchannels", "AUTH bob x", "SUBSCRIBE x\nUNSUBSCRIBE x", "AUTH default x", "ACL LOG", "ACL LOG reset", "ACL DELUSER bob",
		}},
		{name: "acl of subscribers", ends: true, lines: []string{
			"ACL SETUSER bob on nopass +subscribe +psubscribe +unsubscribe +sentinel|myid &+switch-master", "AUTH bob x\nSUBSCRIBE +switch-master\nSUBSCRIBE +sdown\nPSUBSCRIBE *\nPING\nROLE\nSENTINEL MYID\nSENTINEL MASTERS\nINFO\nnosuch\nSENTINEL nosuch\nUNSUBSCRIBE\nPING\nAUTH default x",
			"ACL DELUSER bob",
		}},
		{name: "acl of a deleted user", ends: true, lines: []string{
			"ACL SETUSER bob on nopass +@all &*", "AUTH bob x\nACL DELUSER bob\nPING", "ACL USERS", "ACL SETUSER bob on nopass +@all &*", "ACL SETUSER bob off", "AUTH bob x", "ACL DELUSER bob",
		}},
		{name: "acl dryrun", lines: []string{
			"ACL DRYRUN", "ACL DRYRUN default", "ACL DRYRUN nobody ping", "ACL DRYRUN default ping", "ACL DRYRUN default PING x", "ACL DRYRUN default ping a b", "ACL DRYRUN default nosuch", "ACL DRYRUN default get a", "ACL DRYRUN default role x", "ACL DRYRUN default sentinel",
			"ACL DRYRUN default sentinel masters", "ACL DRYRUN default sentinel nosuch", "ACL DRYRUN default sentinel masters x", "ACL SETUSER bob +ping +sentinel|masters +client|setname &a &b* (+publish &c)", "ACL DRYRUN bob ping", "ACL DRYRUN bob role", "ACL DRYRUN bob ROLE", "ACL DRYRUN bob sentinel masters",
			"ACL DRYRUN bob SENTINEL MYID", "ACL DRYRUN bob client setname x", "ACL DRYRUN bob client id", "ACL DRYRUN bob auth x", "ACL DRYRUN bob hello", "ACL DRYRUN bob subscribe a", "ACL DRYRUN bob publish c x", "ACL DRYRUN bob publish d x", "ACL DRYRUN bob publish c", "ACL SETUSER bob +subscribe +psubscribe",
			"ACL DRYRUN bob subscribe a", "ACL DRYRUN bob subscribe a d", "ACL DRYRUN bob subscribe bb", "ACL DRYRUN bob psubscribe b*", "ACL DRYRUN bob psubscribe b", "ACL DRYRUN bob psubscribe *", "ACL DRYRUN bob unsubscribe d", "ACL DELUSER bob", "ACL DRYRUN bob ping",
		}},
		{name: "acl log", lines: []string{
			"ACL LOG x", "ACL LOG 1 2", "ACL LOG reset x", "ACL LOG RESET", "ACL LOG", "ACL LOG 5", "ACL LOG 0", "ACL LOG -1", "AUTH nobody x", "AUTH nobody y", "AUTH nobody2 x", "ACL LOG", "ACL LOG 1", "ACL SETUSER bob on nopass", "AUTH bob x", "PING", "PING", "ROLE", "SENTINEL MASTERS", "SENTINEL MASTER x",
			"HELLO 2 auth nobody x", "AUTH default x", "ACL LOG", "ACL LOG 3", "ACL LOG 99999999999999999999", "ACL LOG reset", "ACL LOG", "ACL DELUSER bob",
		}},
		{name: "acl file", on: "users", lines: []string{
			"ACL LOAD", "ACL LIST", "ACL USERS", "ACL GETUSER bob", "ACL SETUSER eve on >pw +ping", "ACL SAVE", "ACL SETUSER eve &x", "ACL DELUSER bob", "ACL LIST", "ACL LOAD", "ACL LIST", "AUTH bob pw", "PING", "ROLE", "ACL LOAD", "AUTH default x", "ACL DELUSER eve", "ACL SAVE", "ACL LOAD", "ACL USERS",
			"ACL SAVE x", "ACL LOAD x", "SENTINEL FLUSHCONFIG",
		}},
		{name: "acl not authenticated", on: "locked", lines: []string{
			"ACL", "ACL nosuch", "ACL CAT", "ACL CAT x y z", "ACL SETUSER eve on nopass +@all", "ACL DELUSER default", "ACL GETUSER default", "ACL LIST", "ACL LOG", "ACL DRYRUN default ping", "ACL GENPASS", "ACL LOAD", "ACL SAVE", "ACL USERS", "ACL WHOAMI", "ACL HELP", "ACL WHOAMI x",
			"PSUBSCRIBE +switch-master", "SENTINEL CONFIG GET requirepass", "CLIENT PAUSE 100000", "CLIENT KILL type normal", "COMMAND DOCS", "PING\nROLE\nSENTINEL MYID\nPING", "HELLO 3 auth default wrong", "HELLO 2 auth default secret", "ACL SETUSER bob on >pw +ping +subscribe +sentinel|myid &x",
			"AUTH bob wrong", "PING", "AUTH bob pw", "PING", "ROLE", "SENTINEL MYID x", "SUBSCRIBE y", "SUBSCRIBE x\nROLE\nUNSUBSCRIBE", "AUTH pw", "AUTH secret", "ACL WHOAMI", "ACL SETUSER bob off", "AUTH bob pw", "ACL DELUSER bob", "AUTH bob pw", "ACL LOG RESET", "ACL GETUSER default",
		}},
	}
}
