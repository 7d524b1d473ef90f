package event

import (
	"log/slog"
	"strconv"
)

// Monitor is +monitor: a master is monitored, from the start or since
// SENTINEL MONITOR.
type Monitor struct {
	Instance
	Quorum int
}

func (Monitor) Name() string { return "+monitor" }
func (e Monitor) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.Int("quorum", e.Quorum))...)
}

func (e Monitor) AppendText(dst []byte) []byte {
	dst = append(e.Instance.AppendText(dst), " quorum "...)
	return strconv.AppendInt(dst, int64(e.Quorum), 10)
}

// MonitorStopped is -monitor: a master is no longer monitored.
type MonitorStopped struct{ Instance }

func (MonitorStopped) Name() string           { return "-monitor" }
func (e MonitorStopped) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// Set is +set: one option of a master was changed at run time. Passwords
// show as ******.
type Set struct {
	Instance
	Option string
	Values []string // a password is "******"
}

func (Set) Name() string { return "+set" }

func (e Set) AppendText(dst []byte) []byte {
	dst = append(e.Instance.AppendText(dst), ' ')
	dst = append(dst, e.Option...)
	for _, v := range e.Values {
		dst = append(dst, ' ')
		dst = append(dst, v...)
	}
	return dst
}

func (e Set) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.String("option", e.Option), slog.Any("values", e.Values))...)
}

// ResetMaster is +reset-master: the replicas and other Sentinels of a master
// were forgotten at an operator's request.
type ResetMaster struct{ Instance }

func (ResetMaster) Name() string           { return "+reset-master" }
func (e ResetMaster) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// ReplicaAdded is +slave: a replica was discovered, or added again after a
// switch.
type ReplicaAdded struct{ Instance }

func (ReplicaAdded) Name() string           { return "+slave" }
func (ReplicaAdded) Level() Level           { return LevelNotice }
func (e ReplicaAdded) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// SentinelAdded is +sentinel: another Sentinel was learned from its hello
// message.
type SentinelAdded struct{ Instance }

func (SentinelAdded) Name() string           { return "+sentinel" }
func (SentinelAdded) Level() Level           { return LevelNotice }
func (e SentinelAdded) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// SentinelAddressSwitch is +sentinel-address-switch: another Sentinel moved
// to a new address.
type SentinelAddressSwitch struct {
	Instance
	To    HostPort
	RunID RunID
}

func (SentinelAddressSwitch) Name() string { return "+sentinel-address-switch" }
func (SentinelAddressSwitch) Level() Level { return LevelNotice }

func (e SentinelAddressSwitch) AppendText(dst []byte) []byte {
	dst = append(e.Instance.AppendText(dst), " ip "...)
	dst = append(dst, e.To.Host...)
	dst = append(dst, " port "...)
	dst = strconv.AppendInt(dst, int64(e.To.Port), 10)
	dst = append(dst, " for "...)
	return append(dst, e.RunID...)
}

func (e SentinelAddressSwitch) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.String("to", e.To.String()), slog.String("sentinel", string(e.RunID)))...)
}

// SentinelAddressUpdate is +sentinel-address-update: that new address was
// copied to this Sentinel's entry under another master.
type SentinelAddressUpdate struct {
	Instance
	Count int
}

func (SentinelAddressUpdate) Name() string { return "+sentinel-address-update" }
func (SentinelAddressUpdate) Level() Level { return LevelNotice }

func (e SentinelAddressUpdate) AppendText(dst []byte) []byte {
	dst = append(e.Instance.AppendText(dst), ' ')
	dst = strconv.AppendInt(dst, int64(e.Count), 10)
	return append(dst, " additional matching instances"...)
}

func (e SentinelAddressUpdate) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.Int("count", e.Count))...)
}

// SentinelInvalidAddr is +sentinel-invalid-addr: the address of a known
// Sentinel was taken over by another id.
type SentinelInvalidAddr struct{ Instance }

func (SentinelInvalidAddr) Name() string           { return "+sentinel-invalid-addr" }
func (SentinelInvalidAddr) Level() Level           { return LevelNotice }
func (e SentinelInvalidAddr) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// SentinelIDConflict is +sentinel-id-conflict: two Sentinels share one id;
// -sentinel-id-conflict: they no longer do. redis-sentinel has no such event.
type SentinelIDConflict struct {
	RunID       RunID
	Addr, Other HostPort
	Over        bool
}

func (e SentinelIDConflict) Name() string { return signed(!e.Over, "sentinel-id-conflict") }
func (SentinelIDConflict) Level() Level   { return LevelWarning }

func (e SentinelIDConflict) AppendText(dst []byte) []byte {
	dst = append(dst, e.RunID...)
	dst = appendHostPort(append(dst, ' '), e.Addr)
	return appendHostPort(append(dst, ' '), e.Other)
}

func (e SentinelIDConflict) LogValue() slog.Value {
	return logValue(e, slog.String("sentinel", string(e.RunID)), slog.String("addr", e.Addr.String()), slog.String("other", e.Other.String()))
}

// Reboot is +reboot: the run id of a server changed, so it was restarted.
type Reboot struct{ Instance }

func (Reboot) Name() string           { return "+reboot" }
func (Reboot) Level() Level           { return LevelNotice }
func (e Reboot) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// RoleChange is +role-change when the role that a server reports changed and
// now agrees with the configuration, and -role-change when it changed and now
// disagrees.
type RoleChange struct {
	Instance
	Role     Role
	Expected bool
}

func (e RoleChange) Name() string { return signed(e.Expected, "role-change") }
func (RoleChange) Level() Level   { return LevelVerbose }

func (e RoleChange) AppendText(dst []byte) []byte {
	dst = append(e.Instance.AppendText(dst), " new reported role is "...)
	return append(dst, e.Role.String()...)
}

func (e RoleChange) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.String("reported_role", e.Role.String()))...)
}

// LinkReconnection is -cmd-link-reconnection or -pubsub-link-reconnection: a
// connection failed. It is logged at debug level and not published to RESP
// subscribers.
type LinkReconnection struct {
	Instance
	PubSub bool
	Reason string
}

func (LinkReconnection) Level() Level { return LevelDebug }

func (e LinkReconnection) Name() string {
	if e.PubSub {
		return "-pubsub-link-reconnection"
	}
	return "-cmd-link-reconnection"
}

func (e LinkReconnection) AppendText(dst []byte) []byte {
	dst = append(e.Instance.AppendText(dst), " #"...)
	return append(dst, e.Reason...)
}

func (e LinkReconnection) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.String("reason", e.Reason))...)
}
