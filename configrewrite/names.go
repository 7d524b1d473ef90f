package configrewrite

import (
	"strings"

	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/internal/words"
)

// dataServerDirectives are the names that data servers of the 7.x line, their
// predecessors and their successors accept, and that mean nothing to a
// Sentinel. Files shared with a data server hold them, and so do files that
// another Sentinel rewrote: they are accepted and kept (wire.md §9.2).
var dataServerDirectives = strings.Fields(`
active-defrag-cycle-max active-defrag-cycle-min active-defrag-cycle-us active-defrag-ignore-bytes
active-defrag-max-scan-fields active-defrag-threshold-lower active-defrag-threshold-upper
active-expire-effort activedefrag activerehashing always-show-logo aof-disable-auto-gc
aof-load-corrupt-tail-max-size aof-load-truncated aof-rewrite-cpulist aof_rewrite_cpulist
aof-rewrite-incremental-fsync aof-timestamp-enabled aof-use-rdb-preamble appenddirname appendfilename
appendfsync appendonly auto-aof-rewrite-min-size auto-aof-rewrite-percentage availability-zone
bgsave-cpulist bgsave_cpulist bio-cpulist bio_cpulist busy-reply-threshold client-default-resp
client-query-buffer-limit cluster-allow-pubsubshard-when-down cluster-allow-reads-when-down
cluster-allow-replica-migration cluster-announce-bus-port cluster-announce-client-ipv4
cluster-announce-client-ipv6 cluster-announce-client-port cluster-announce-client-tls-port
cluster-announce-hostname cluster-announce-human-nodename cluster-announce-ip cluster-announce-port
cluster-announce-tls-port cluster-blacklist-ttl cluster-config-file cluster-config-save-behavior
cluster-databases cluster-enabled cluster-link-sendbuf-limit cluster-manual-failover-timeout
cluster-migration-barrier cluster-node-timeout cluster-ping-interval cluster-port
cluster-preferred-endpoint-type cluster-replica-no-failover cluster-replica-validity-factor
cluster-require-full-coverage cluster-slave-no-failover cluster-slave-validity-factor
cluster-slot-migration-log-max-len cluster-slot-stats-enabled
commandlog-execution-slower-than commandlog-large-reply-max-len commandlog-large-request-max-len
commandlog-reply-larger-than commandlog-request-larger-than commandlog-slow-execution-max-len
crash-log-enabled crash-memcheck-enabled databases dbfilename debug-context disable-thp
dual-channel-replication-enabled dynamic-hz enable-debug-assert enable-debug-command
enable-module-command enable-protected-configs events-per-io-thread extended-redis-compatibility
glueoutputbuf gopher-enabled hash-max-listpack-entries hash-max-listpack-value hash-max-ziplist-entries
hash-max-ziplist-value hash-max-zipmap-entries hash-max-zipmap-value hash-seed hide-user-data-from-log
hll-sparse-max-bytes hz ignore-warnings import-mode io-threads io-threads-do-reads io-threads-always-active
jemalloc-bg-thread latency-monitor-threshold latency-tracking latency-tracking-info-percentiles
lazyexpire-nested-arbitrary-keys lazyfree-lazy-eviction lazyfree-lazy-expire lazyfree-lazy-server-del
lazyfree-lazy-user-del lazyfree-lazy-user-flush lfu-decay-time lfu-log-factor list-compress-depth
list-max-listpack-size list-max-ziplist-entries list-max-ziplist-size list-max-ziplist-value loadmodule
loadmodule-ex locale-collate lookahead lua-enable-deprecated-api lua-enable-insecure-api lua-time-limit
masterauth masteruser max-new-connections-per-cycle max-new-tls-connections-per-cycle maxmemory
maxmemory-clients maxmemory-eviction-tenacity maxmemory-policy maxmemory-samples
min-io-threads-avoid-copy-reply min-io-threads-value-prefetch-off min-replicas-max-lag
min-replicas-to-write min-slaves-max-lag min-slaves-to-write min-string-size-avoid-copy-reply
min-string-size-avoid-copy-reply-threaded moduleconfig mptcp no-appendfsync-on-rewrite
notify-keyspace-events oom-score-adj oom-score-adj-values port-per-thread prefetch-batch-max-size
primaryauth primaryuser proc-title-template propagation-error-behavior proto-max-bulk-len
rdb-del-sync-files rdb-key-save-delay rdb-save-incremental-fsync rdb-version-check rdbchecksum rdbcompression
rdma-bind rdma-completion-vector rdma-port rdma-rx-size really-use-vm repl-backlog-size repl-backlog-ttl
repl-disable-tcp-nodelay repl-diskless-load repl-diskless-sync repl-diskless-sync-delay
repl-diskless-sync-max-replicas repl-diskless-sync-period repl-mptcp repl-ping-replica-period
repl-ping-slave-period repl-timeout replica-announce-ip replica-announce-port replica-announced
replica-full-sync-buffer-limit replica-ignore-disk-write-errors replica-ignore-maxmemory
replica-lazy-flush replica-priority replica-read-only replica-serve-stale-data replicaof sanitize-dump-payload
save server-cpulist server_cpulist set-max-intset-entries set-max-listpack-entries
set-max-listpack-value set-proc-title shareobjects shareobjectspoolsize shutdown-on-sigint
shutdown-on-sigterm shutdown-timeout slave-announce-ip slave-announce-port slave-ignore-maxmemory
slave-lazy-flush slave-priority slave-read-only slave-serve-stale-data slaveof slot-migration-max-failover-repl-bytes
slowlog-log-slower-than slowlog-max-len socket-mark-id stop-writes-on-bgsave-error
stream-node-max-bytes stream-node-max-entries tcp-nodelay tls-auth-clients-user tls-auto-reload-interval tls-cluster
tracking-table-max-keys unixsocketgroup use-exit-on-panic vm-enabled vm-max-memory vm-max-threads vm-page-size vm-pages
vm-swap-file watchdog-period zset-max-listpack-entries zset-max-listpack-value
zset-max-ziplist-entries zset-max-ziplist-value`)

var isDataServerDirective = func() map[string]bool {
	known := make(map[string]bool, len(dataServerDirectives))
	for _, d := range dataServerDirectives {
		known[d] = true
	}
	return known
}()

// knownDirective reports whether a line of that (lower-case) directive may
// stand in a configuration file.
func knownDirective(d string) bool {
	return d == "sentinel" || d == "include" || isDataServerDirective[d] || settingOptions.Find(option.InConf, d) != nil
}

// directiveHint suggests what a misspelt directive may mean.
func directiveHint(d string) string {
	if strings.HasPrefix(d, "[") {
		return "this looks like TOML; a file in TOML must have a name that ends in .toml"
	}
	if tokens := tokensOf(d); len(tokens) > 0 && tokens[0].start == 0 && tokens[0].text != d && knownDirective(tokens[0].text) {
		return "write a blank behind \"" + tokens[0].text + "\""
	}
	if containsFold(sentinelDirectives, d) {
		return "did you mean \"sentinel " + strings.ToLower(d) + " …\"?"
	}
	names := append([]string{"sentinel", "include"}, dataServerDirectives...)
	for _, o := range settingOptions {
		names = append(names, o.Name)
	}
	if n := words.Nearest(d, names); n != "" {
		return "did you mean \"" + n + "\"?"
	}
	return "remove the line, or put # before it"
}

// sentinelDirectives are the words that may follow "sentinel".
var sentinelDirectives = func() []string {
	names := []string{"monitor", "known-replica", "known-sentinel", "config-epoch", "leader-epoch", "current-epoch"}
	names = append(names, oldReplica)
	for _, o := range globalOptions.Select(option.InConf) {
		names = append(append(names, o.Name), o.Aliases...)
	}
	for _, o := range masterOptions.Select(option.InConf) {
		names = append(append(names, o.Name), o.Aliases...)
	}
	return names
}()

// oldReplica is what files of old releases call a known-replica line.
const oldReplica = "known-slave"

// canonical returns the present spelling of a word that follows "sentinel", in
// lower case.
func canonical(name string) string {
	if name == oldReplica {
		return "known-replica"
	}
	if o := masterOptions.Find(option.InConf, name); o != nil {
		return o.Name
	}
	return name
}
