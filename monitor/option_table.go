package monitor

import (
	"errors"
	"fmt"
	"time"

	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/internal/valid"
)

// MasterOptions returns the options of one master, in the order in which a
// sentinel.conf lists them (wire.md §10.3, Lines produced). Name and address are
// none of them: the monitor line gives those. The result must not be changed. Its
// type is internal to this module; docs/options.md has the list for others.
func MasterOptions() option.Table[MasterConfig] { return masterOptions }

// GlobalOptions returns the options that the core acts on and that belong to no
// master. The result must not be changed.
func GlobalOptions() option.Table[Options] { return globalOptions }

// TunableOptions returns the periods and limits of the core; an operator can
// change those that SENTINEL DEBUG shows. The result must not be changed.
func TunableOptions() option.Table[Tunables] { return tunableOptions }

var masterOptions = append(option.Table[MasterConfig]{
	option.Of(option.Spec{
		Name: "quorum", Where: option.InTOML | option.BySet, Lo: 1,
		Doc: "How many Sentinels must agree that the master is down. In a sentinel.conf the monitor line gives it.",
	}, func(m *MasterConfig) *int { return &m.Quorum }, 0),
	option.Of(option.Spec{
		Name: "down-after-milliseconds", TOML: "down-after", Where: option.InFiles | option.BySet, Unit: time.Millisecond, Lo: 1,
		Doc: "How long a server may give no valid answer before it counts as down.",
	}, func(m *MasterConfig) *time.Duration { return &m.DownAfter }, DefaultDownAfter),
	option.Of(option.Spec{
		Name: "failover-timeout", Where: option.InFiles | option.BySet, Unit: time.Millisecond, Lo: 1,
		Doc: "Bounds the steps of a failover; after twice this time another one may begin.",
	}, func(m *MasterConfig) *time.Duration { return &m.FailoverTimeout }, DefaultFailoverTimeout),
	option.Of(option.Spec{
		Name: "parallel-syncs", Where: option.InFiles | option.BySet, Lo: 1, Lenient: true,
		Doc: "How many replicas are pointed at the new master at the same time.",
	}, func(m *MasterConfig) *int { return &m.ParallelSyncs }, DefaultParallelSyncs),
	option.Of(option.Spec{
		Name: "notification-script", Where: option.InFiles | option.BySet, Script: "Notification",
		Doc: "Program that is called for each event of level warning.",
	}, func(m *MasterConfig) *string { return &m.NotificationScript }, ""),
	option.Of(option.Spec{
		Name: "client-reconfig-script", Where: option.InFiles | option.BySet, Script: "Client reconfiguration",
		Doc: "Program that is called when the address of the master changes.",
	}, func(m *MasterConfig) *string { return &m.ClientReconfigScript }, ""),
	option.Of(option.Spec{
		Name: "auth-pass", Where: option.InFiles | option.BySet, Secret: true,
		Doc: "Password for the master and its replicas.",
	}, func(m *MasterConfig) *string { return &m.AuthPass }, ""),
	option.Of(option.Spec{
		Name: "auth-user", Where: option.InFiles | option.BySet, Since: "6.0",
		Doc: "User name that goes with auth-pass.",
	}, func(m *MasterConfig) *string { return &m.AuthUser }, ""),
	option.Of(option.Spec{
		Name: "master-reboot-down-after-period", Aliases: []string{"primary-reboot-down-after-period"}, TOML: "reboot-down-after",
		Where: option.InFiles | option.BySet, Unit: time.Millisecond, Since: "7.0",
		Doc: "How long a restarted master that still loads its data may do so before it counts as down; 0 turns this rule off.",
	}, func(m *MasterConfig) *time.Duration { return &m.RebootDownAfter }, 0),
	option.Of(option.Spec{
		Name: "can-failover", Where: option.InFiles, Negated: true, Since: "2.6, until 2.8",
		Doc: "Whether this Sentinel may lead a failover; it votes in any case.",
	}, func(m *MasterConfig) *bool { return &m.NeverLead }, false),
	option.Custom(option.Spec{
		Name: "planned-failover", Words: plannedWords, Where: option.InFiles | option.BySet, Since: "gosentinel",
		Doc: "How SENTINEL FAILOVER goes about it: safe loses no write, stock promotes a replica while the master takes writes, as the original does.",
	}, func(m *MasterConfig) option.Value {
		return wordValue[PlannedFailover]{at: &m.PlannedFailover, words: plannedWords}
	}),
	option.Of(option.Spec{
		Name: "empty-promotion-grace", Where: option.InFiles | option.BySet, Unit: time.Millisecond, Since: "gosentinel",
		Doc: "How long no replica without keys is promoted when a master that had keys is down; 0 is no limit if the master keeps its data on disk, else 10 s.",
	}, func(m *MasterConfig) *time.Duration { return &m.EmptyPromotionGrace }, 0),
	option.Of(option.Spec{
		Name: "hold-unconfirmed-master", Where: option.InFiles | option.BySet, Since: "gosentinel",
		Doc: "Whether the return fence holds a restarted master back until a majority of the Sentinels has confirmed it, however long that takes; else for a second at most.",
	}, func(m *MasterConfig) *bool { return &m.HoldUnconfirmed }, false),
	option.Of(option.Spec{
		Name: "accept-empty", Where: option.InFiles | option.BySet, Since: "gosentinel",
		Doc: "Whether the master may come back without its data, once: for a flush by a restart that is planned. The Sentinel sets it to no when that has happened.",
	}, func(m *MasterConfig) *bool { return &m.AcceptEmpty }, false),
	option.Of(option.Spec{
		Name: "down-after-refused-milliseconds", TOML: "down-after-refused", Where: option.InFiles | option.BySet, Unit: time.Millisecond, Since: "gosentinel",
		Doc: "How long the host of the master must refuse all connections, after its process has ended, until the master counts as down; 0 turns this off.",
	}, func(m *MasterConfig) *time.Duration { return &m.DownAfterRefused }, 0),
	option.Of(option.Spec{
		Name: "replica-expire", Where: option.InFiles | option.BySet, Unit: time.Millisecond, Since: "gosentinel",
		Doc: "How long a replica must be down, and not be named by the master, until it is forgotten; 0 keeps it for ever.",
	}, func(m *MasterConfig) *time.Duration { return &m.ReplicaExpire }, 0),
	option.Custom(option.Spec{
		Name: "rename-command", Where: option.InFiles | option.BySet, Since: "5.0",
		Doc: "Command words under which the servers know the commands that Sentinels send: the usual word and the one to send.",
	}, func(m *MasterConfig) option.Value { return RenameValue(&m.Rename, false) }),
}, guardRows(option.InFiles|option.BySet, "", " auto: as default-… says.", func(m *MasterConfig) *Guards { return &m.Guards })...)

var globalOptions = append(option.Table[Options]{
	option.Custom(option.Spec{
		Name: "myid", Where: option.InFiles,
		Doc: "Identity of this Sentinel. It makes one at its first start.",
	}, func(o *Options) option.Value { return idValue{&o.MyID} }),
	option.Of(option.Spec{
		Name: "deny-scripts-reconfig", Where: option.InFiles, Negated: true, Since: "5.0",
		Doc: "Forbids SENTINEL SET to name another script.",
	}, func(o *Options) *bool { return &o.AllowScriptsReconfig }, false),
	option.Of(option.Spec{
		Name: "observe", Where: option.InFiles, Since: "gosentinel",
		Doc: "Makes this Sentinel an observer: it watches and reports, announces itself to nobody, and neither votes nor acts.",
	}, func(o *Options) *bool { return &o.Observe }, false),
	option.Of(option.Spec{
		Name: "resolve-hostnames", Where: option.InFiles | option.ByConfigSet, Since: "6.2",
		Doc: "Allows host names in place of IP addresses, and resolves them while running.",
	}, func(o *Options) *bool { return &o.ResolveHostnames }, false),
	option.Of(option.Spec{
		Name: "announce-hostnames", Where: option.InFiles | option.ByConfigSet, Since: "6.2",
		Doc: "Tells clients and other Sentinels the host name, where there is one, in place of the IP address.",
	}, func(o *Options) *bool { return &o.AnnounceHostnames }, false),
	option.Custom(option.Spec{
		Name: "announce-ip", Where: option.InFiles | option.ByConfigSet, Quoted: true,
		Doc: "Address that other Sentinels are told for this one, and at which they can connect.",
	}, func(o *Options) option.Value { return announceValue{&o.AnnounceIP} }),
	option.Of(option.Spec{
		Name: "announce-port", Where: option.InFiles | option.ByConfigSet, Hi: maxPort, Lenient: true,
		Doc: "Port that other Sentinels are told for this one; 0 is the port it listens at.",
	}, func(o *Options) *int { return &o.AnnouncePort }, 0),
	option.Of(option.Spec{
		Name: "sentinel-user", Where: option.InFiles | option.ByConfigSet, Since: "6.2",
		Doc: "User name towards other Sentinels.",
	}, func(o *Options) *string { return &o.SentinelUser }, ""),
	option.Of(option.Spec{
		Name: "sentinel-pass", Where: option.InFiles | option.ByConfigSet, Secret: true, Since: "6.2",
		Doc: "Password towards other Sentinels; without one, requirepass is used.",
	}, func(o *Options) *string { return &o.SentinelPass }, ""),
}, guardRows(option.InFiles|option.ByConfigSet, "default-", " For masters that say auto.", func(o *Options) *Guards { return &o.Guards })...)

const maxPort = 65535

// tunable makes a row for a period. Every one must be positive.
func tunable(name string, where option.Where, doc string, byDefault time.Duration, at func(*Tunables) *time.Duration) option.Row[Tunables] {
	s := option.Spec{Name: name, Where: where, Unit: time.Millisecond, Lo: 1, Doc: doc}
	if where.Has(option.ByDebug) {
		s.Since = "7.0"
	}
	return option.Of(s, at, byDefault)
}

// tunableOptions begins with those that SENTINEL DEBUG shows, in its order; the
// others are for tests and simulations.
var tunableOptions = option.Table[Tunables]{
	tunable("info-period", option.ByDebug, "Time between two INFO to a server.",
		10*time.Second, func(t *Tunables) *time.Duration { return &t.InfoPeriod }),
	tunable("ping-period", option.ByDebug, "Longest time between two PING.",
		time.Second, func(t *Tunables) *time.Duration { return &t.PingPeriod }),
	tunable("ask-period", option.ByDebug, "Time between two questions to a peer whether the master is down.",
		time.Second, func(t *Tunables) *time.Duration { return &t.AskPeriod }),
	tunable("publish-period", option.ByDebug, "Time between two hello messages.",
		2*time.Second, func(t *Tunables) *time.Duration { return &t.PublishPeriod }),
	tunable("default-down-after", option.ByDebug, "The down-after-milliseconds of masters that SENTINEL MONITOR adds.",
		DefaultDownAfter, func(t *Tunables) *time.Duration { return &t.DefaultDownAfter }),
	tunable("default-failover-timeout", option.ByDebug, "The failover-timeout of masters that SENTINEL MONITOR adds.",
		DefaultFailoverTimeout, func(t *Tunables) *time.Duration { return &t.DefaultFailoverTimeout }),
	tunable("tilt-trigger", option.ByDebug, "Longest time between two steps of the core; after a longer one TILT begins.",
		2*time.Second, func(t *Tunables) *time.Duration { return &t.TiltTrigger }),
	tunable("tilt-period", option.ByDebug, "How long TILT lasts.",
		30*time.Second, func(t *Tunables) *time.Duration { return &t.TiltPeriod }),
	tunable("slave-reconf-timeout", option.ByDebug, "How long a replica may take to follow the new master.",
		10*time.Second, func(t *Tunables) *time.Duration { return &t.ReconfTimeout }),
	tunable("min-link-reconnect-period", option.ByDebug, "Least age of a link without answers at which it is closed and dialled again.",
		15*time.Second, func(t *Tunables) *time.Duration { return &t.MinLinkReconnect }),
	tunable("election-timeout", option.ByDebug, "Longest time that an election may take.",
		10*time.Second, func(t *Tunables) *time.Duration { return &t.ElectionTimeout }),

	tunable("info-fast", 0, "INFO period of replicas whose master is in trouble.",
		time.Second, func(t *Tunables) *time.Duration { return &t.InfoFast }),
	tunable("info-poll", 0, "INFO period of a replica that is being promoted or reconfigured.",
		20*time.Millisecond, func(t *Tunables) *time.Duration { return &t.InfoPoll }),
	tunable("ping-floor", 0, "Shortest time between two PING.",
		100*time.Millisecond, func(t *Tunables) *time.Duration { return &t.PingFloor }),
	tunable("ask-fast", 0, "Time between two questions to a peer while the master is in trouble.",
		50*time.Millisecond, func(t *Tunables) *time.Duration { return &t.AskFast }),
	tunable("fence-dial", 0, "Shortest time between two attempts to connect to a former master that is gone.",
		10*time.Millisecond, func(t *Tunables) *time.Duration { return &t.FenceDial }),
	tunable("dial-timeout", 0, "How long a connection may take to be established.",
		3*time.Second, func(t *Tunables) *time.Duration { return &t.DialTimeout }),
	tunable("candidacy-slot", 0, "Unit of desynchronisation before a candidacy.",
		25*time.Millisecond, func(t *Tunables) *time.Duration { return &t.CandidacySlot }),
	tunable("desync", 0, "Bound of the random part of the start of an attempt.",
		time.Second, func(t *Tunables) *time.Duration { return &t.Desync }),
	tunable("select-wait", 0, "Longest wait for fresh INFO before a replica is chosen.",
		100*time.Millisecond, func(t *Tunables) *time.Duration { return &t.SelectWait }),
	tunable("select-patience", 0, "Longest wait for any acceptable replica.",
		time.Second, func(t *Tunables) *time.Duration { return &t.SelectPatience }),
	tunable("force-grace", 0, "How long a manual failover asks for votes before it goes on without.",
		500*time.Millisecond, func(t *Tunables) *time.Duration { return &t.ForceGrace }),
	tunable("persist-retry", 0, "Pause before a failed save is tried again.",
		time.Second, func(t *Tunables) *time.Duration { return &t.PersistRetry }),
	tunable("persist-stall", 0, "How long a save may take before it counts as failed.",
		5*time.Second, func(t *Tunables) *time.Duration { return &t.PersistStall }),
	tunable("heartbeat", 0, "Longest time between two steps of an idle core.",
		500*time.Millisecond, func(t *Tunables) *time.Duration { return &t.Heartbeat }),
}

// WithDefaults returns m with the default in the place of every zero value that
// stands for one.
func (m MasterConfig) WithDefaults() MasterConfig {
	masterOptions.FillIn(&m)
	return m
}

// DefaultTunables returns the values of stock Sentinel, and for what stock does
// not have the values that the project measured to be good.
func DefaultTunables() Tunables { return tunableOptions.Defaults() }

// idValue is a field for a [RunID] in a table of options.
type idValue struct{ id *RunID }

func (v idValue) Kind() option.Kind { return option.ID }

func (v idValue) SetLine(words []string) error {
	if len(words) != 1 {
		return option.ErrArity
	}
	id := RunID(words[0])
	if !id.Valid() {
		return errors.New("Malformed Sentinel id in myid option.")
	}
	*v.id = id
	return nil
}

func (v idValue) Lines() [][]string { return [][]string{{string(*v.id)}} }

func (v idValue) Clear() { *v.id = "" }

// RenameValue returns a field for a [RenameTable] in a table of options. removes
// allows an empty new word, which stands for "no name at all".
func RenameValue(table **RenameTable, removes bool) option.Commanded {
	return renameValue{table, removes}
}

type renameValue struct {
	table   **RenameTable
	removes bool
}

func (v renameValue) Kind() option.Kind { return option.Pairs }

var (
	errRenamedTwice   = errors.New("Same command renamed multiple times with rename-command.")
	errTooManyRenamed = fmt.Errorf("more than %d commands are renamed; a Sentinel sends only a few", maxRenamed)
)

// maxRenamed bounds a table: each change of it, and each word that is sent, looks
// at every entry. Redis has fewer commands.
const maxRenamed = 512

// SetLine adds one mapping. An exact repetition is harmless, and is what is found
// after an included line was copied into the main file.
func (v renameValue) SetLine(words []string) error {
	if len(words) != 2 {
		return option.ErrArity
	}
	if words[0] == "" || words[1] == "" && !v.removes {
		return option.Tolerated("an empty command word cannot be sent; the line is ignored")
	}
	entries := (*v.table).Entries()
	for _, e := range entries {
		if valid.SameCommand(e.From, words[0]) {
			if e.To == words[1] {
				return nil
			}
			return errRenamedTwice
		}
	}
	if len(entries) >= maxRenamed {
		return errTooManyRenamed
	}
	*v.table = NewRenameTable(append(entries, Renamed{From: words[0], To: words[1]})...)
	return nil
}

// SetCommand adds, replaces or removes one mapping.
func (v renameValue) SetCommand(words []string) (bad int) {
	for i, w := range words {
		if w == "" {
			return i
		}
	}
	table := (*v.table).With(words[0], words[1])
	if table.size() > maxRenamed {
		return 0
	}
	*v.table = table
	return option.Good
}

func (v renameValue) Lines() [][]string {
	var lines [][]string
	for _, e := range (*v.table).Entries() {
		lines = append(lines, []string{e.From, e.To})
	}
	return lines
}

func (v renameValue) Clear() { *v.table = nil }
