package monitor

// infoLines are the lines of a reply to INFO, in the order of Redis 7.0 and with what
// later releases and Valkey have between them. A value is one that many servers have.
// What a packed text means depends on them, but no packed text leaves the process.
const infoLines = `# Server
redis_version:
server_name:valkey
valkey_version:
redis_git_sha1:00000000
redis_git_dirty:0
redis_build_id:
redis_mode:standalone
os:Linux
arch_bits:64
monotonic_clock:POSIX clock_gettime
multiplexing_api:epoll
atomicvar_api:c11-builtin
gcc_version:
process_id:
process_supervised:no
run_id:
tcp_port:6379
server_time_usec:
uptime_in_seconds:
uptime_in_days:0
hz:10
configured_hz:10
lru_clock:
executable:
config_file:
availability_zone:
io_threads_active:0

# Clients
connected_clients:
cluster_connections:0
maxclients:10000
client_recent_max_input_buffer:0
client_recent_max_output_buffer:0
blocked_clients:0
tracking_clients:0
clients_in_timeout_table:0
watching_clients:0
pubsub_clients:0
total_watched_keys:0
total_blocking_keys:0
total_blocking_keys_on_nokey:0

# Memory
used_memory:
used_memory_human:
used_memory_rss:
used_memory_rss_human:
used_memory_peak:
used_memory_peak_human:
used_memory_peak_perc:
used_memory_overhead:
used_memory_startup:
used_memory_dataset:
used_memory_dataset_perc:
allocator_allocated:
allocator_active:
allocator_resident:
total_system_memory:
total_system_memory_human:
used_memory_lua:
used_memory_vm_eval:
used_memory_lua_human:
used_memory_scripts_eval:0
number_of_cached_scripts:0
number_of_functions:0
number_of_libraries:0
used_memory_vm_functions:
used_memory_vm_total:
used_memory_vm_total_human:
used_memory_functions:
used_memory_scripts:
used_memory_scripts_human:
maxmemory:0
maxmemory_human:0B
maxmemory_policy:noeviction
allocator_frag_ratio:
allocator_frag_bytes:
allocator_rss_ratio:
allocator_rss_bytes:
rss_overhead_ratio:
rss_overhead_bytes:
mem_fragmentation_ratio:
mem_fragmentation_bytes:
mem_not_counted_for_evict:0
mem_replication_backlog:
mem_total_replication_buffers:
mem_clients_slaves:0
mem_clients_normal:
mem_cluster_links:0
mem_aof_buffer:0
mem_allocator:jemalloc-5.2.1
active_defrag_running:0
lazyfree_pending_objects:0
lazyfreed_objects:0

# Persistence
loading:0
async_loading:0
current_cow_peak:0
current_cow_size:0
current_cow_size_age:0
current_fork_perc:0.00
current_save_keys_processed:0
current_save_keys_total:0
rdb_changes_since_last_save:0
rdb_bgsave_in_progress:0
rdb_last_save_time:
rdb_last_bgsave_status:ok
rdb_last_bgsave_time_sec:-1
rdb_current_bgsave_time_sec:-1
rdb_saves:0
rdb_last_cow_size:0
rdb_last_load_keys_expired:0
rdb_last_load_keys_loaded:0
aof_enabled:0
aof_rewrite_in_progress:0
aof_rewrite_scheduled:0
aof_last_rewrite_time_sec:-1
aof_current_rewrite_time_sec:-1
aof_last_bgrewrite_status:ok
aof_rewrites:0
aof_rewrites_consecutive_failures:0
aof_last_write_status:ok
aof_last_cow_size:0
module_fork_in_progress:0
module_fork_last_cow_size:0

# Stats
total_connections_received:
total_commands_processed:
instantaneous_ops_per_sec:0
total_net_input_bytes:
total_net_output_bytes:
total_net_repl_input_bytes:0
total_net_repl_output_bytes:0
instantaneous_input_kbps:0.00
instantaneous_output_kbps:0.00
instantaneous_input_repl_kbps:0.00
instantaneous_output_repl_kbps:0.00
rejected_connections:0
sync_full:0
sync_partial_ok:0
sync_partial_err:0
expired_keys:0
expired_stale_perc:0.00
expired_time_cap_reached_count:0
expire_cycle_cpu_milliseconds:0
evicted_keys:0
evicted_scripts:0
evicted_clients:0
total_eviction_exceeded_time:0
current_eviction_exceeded_time:0
keyspace_hits:0
keyspace_misses:0
pubsub_channels:0
pubsub_patterns:0
pubsubshard_channels:0
latest_fork_usec:0
total_forks:0
migrate_cached_sockets:0
slave_expires_tracked_keys:0
active_defrag_hits:0
active_defrag_misses:0
active_defrag_key_hits:0
active_defrag_key_misses:0
total_active_defrag_time:0
current_active_defrag_time:0
tracking_total_keys:0
tracking_total_items:0
tracking_total_prefixes:0
unexpected_error_replies:0
total_error_replies:0
dump_payload_sanitizations:0
total_reads_processed:
total_writes_processed:
io_threaded_reads_processed:0
io_threaded_writes_processed:0
reply_buffer_shrinks:0
reply_buffer_expands:0

# Replication
role:master
master_host:
master_port:
master_link_status:up
master_last_io_seconds_ago:0
master_sync_in_progress:0
slave_read_repl_offset:
slave_repl_offset:
master_link_down_since_seconds:
slave_priority:100
slave_read_only:1
replica_announced:1
connected_slaves:0
slave0:
slave1:
slave2:
slave3:
master_failover_state:no-failover
master_replid:
master_replid2:0000000000000000000000000000000000000000
master_repl_offset:
second_repl_offset:-1
repl_backlog_active:1
repl_backlog_size:1048576
repl_backlog_first_byte_offset:
repl_backlog_histlen:

# CPU
used_cpu_sys:
used_cpu_user:
used_cpu_sys_children:
used_cpu_user_children:
used_cpu_sys_main_thread:
used_cpu_user_main_thread:

# Modules

# Errorstats

# Cluster
cluster_enabled:0

# Keyspace
db0:
db1:
`
