package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// normal makes the reply to a line comparable: it replaces what is never the
// same twice, and sorts what has no order in the original.
func (s *side) normal(line string, v value) value {
	v = s.nameAll(v) // before anything is sorted by it
	for _, r := range replyRules {
		if r.line.MatchString(line) {
			v = r.change(v)
		}
	}
	return v
}

// replyRules say which replies hold something that cannot be compared as it is.
var replyRules = []struct {
	line   *regexp.Regexp
	change func(value) value
}{
	{regexp.MustCompile(`(?i)^hello`), maskField("id")},
	{regexp.MustCompile(`(?i)^sentinel (masters?|replicas|slaves|sentinels|primary|primaries)\b`), instances},
	{regexp.MustCompile(`(?i)^sentinel (masters|replicas|slaves|sentinels|primaries)\b`), sorted},
	{regexp.MustCompile(`(?i)^sentinel info-cache`), infoCache},
	{regexp.MustCompile(`(?i)^sentinel pending-scripts`), each(maskField("pid", "run-time", "run-delay"))},
	{regexp.MustCompile(`(?i)^(my)?role`), each(sorted)},
	{regexp.MustCompile(`(?i)^info\b`), infoText},
	{regexp.MustCompile(`(?i)^client (list|info)\b`), clientList},
	{regexp.MustCompile(`(?i)^client id$`), func(value) value { return value{kind: ':', text: "{n}"} }},
	{regexp.MustCompile(`(?i)^command (list|info)|^command$`), deepSorted},
	{regexp.MustCompile(`(?i)^acl cat\b`), sorted},
	{regexp.MustCompile(`(?i)^acl genpass\b`), random},
	{regexp.MustCompile(`(?i)^acl log\b`), each(maskField("age-seconds", "client-info", "entry-id", "timestamp-created", "timestamp-last-updated"))},
	{regexp.MustCompile(`(?i)^command docs`), each(maskField("summary"))},
	{regexp.MustCompile(`(?i)^command docs$`), names},
	{regexp.MustCompile(`(?i)^(acl|client|command|sentinel) help$`), helpText},
}

// nameAll replaces the words of this side everywhere in v.
func (s *side) nameAll(v value) value {
	v.text = s.named(v.text)
	v.items = slices.Clone(v.items)
	for i, item := range v.items {
		v.items[i] = s.nameAll(item)
	}
	return v
}

func each(change func(value) value) func(value) value {
	return func(v value) value {
		v.items = slices.Clone(v.items)
		for i, item := range v.items {
			v.items[i] = change(item)
		}
		return v
	}
}

// maskField hides the values of fields of a map, which in RESP2 is a list of
// keys and values.
func maskField(names ...string) func(value) value {
	return func(v value) value {
		if v.kind != '%' && (v.kind != '*' || len(v.items)%2 != 0) {
			return v
		}
		v.items = slices.Clone(v.items)
		for i := 0; i+1 < len(v.items); i += 2 {
			switch {
			case !slices.Contains(names, v.items[i].text):
			case v.items[i].text == "summary", v.items[i].text == "client-info":
				v.items[i+1].text = "{text}"
			default:
				v.items[i+1].text = maskNumber(v.items[i+1].text)
			}
		}
		return v
	}
}

// number is a number, or what nameAll made of it: an age or a count in the ten
// thousands is now and then one of the ports of its side.
var number = regexp.MustCompile(`^(-?\d+(\.\d+)?|\{[a-z-]+-port\})$`)

func maskNumber(text string) string {
	if number.MatchString(text) {
		return "{n}"
	}
	return text
}

// volatile are the fields of instance maps that pass with time or traffic.
var volatile = []string{
	"link-pending-commands", "last-ping-sent", "last-ok-ping-reply", "last-ping-reply", "s-down-time", "o-down-time",
	"info-refresh", "role-reported-time", "slave-repl-offset", "last-hello-message", "runid-of-server",
}

func instances(v value) value {
	one := func(v value) value { return notConnected(serverID(maskField(volatile...)(v))) }
	if len(v.items) > 0 && len(v.items[0].items) > 0 {
		return each(one)(v)
	}
	return one(v)
}

// notConnected hides for a master that does not exist whether a connection,
// which is refused again and again, is being tried just now.
func notConnected(v value) value {
	v.items = slices.Clone(v.items)
	for i, item := range v.items {
		if item.text == "master,disconnected" && v.items[1].text != "mymaster" {
			v.items[i].text = "master"
		}
	}
	return v
}

// serverID hides the run id of a Redis server. Those of Sentinels have names.
func serverID(v value) value {
	var role string
	for i := 0; i+1 < len(v.items); i += 2 {
		if v.items[i].text == "role-reported" {
			role = v.items[i+1].text
		}
	}
	v.items = slices.Clone(v.items)
	for i := 0; i+1 < len(v.items); i += 2 {
		if role != "" && v.items[i].text == "runid" && len(v.items[i+1].text) == 40 {
			v.items[i+1].text = "{id of the server}"
		}
	}
	return v
}

// names keeps the keys of a map.
func names(v value) value {
	list := value{kind: '*'}
	for i := 0; i < len(v.items); i += 2 {
		list.items = append(list.items, v.items[i])
	}
	return sorted(list)
}

var hexDigits = regexp.MustCompile(`^[0-9a-f]+$`)

// random keeps the length of a random password.
func random(v value) value {
	if v.kind == '$' && hexDigits.MatchString(v.text) {
		v.text = fmt.Sprintf("{%d digits}", len(v.text))
	}
	return v
}

func sorted(v value) value {
	if v.kind != '*' && v.kind != '~' {
		return v
	}
	v.items = slices.Clone(v.items)
	slices.SortFunc(v.items, func(a, b value) int { return strings.Compare(a.String(), b.String()) })
	return v
}

// deepSorted sorts lists of lists on every level, and lists of names.
func deepSorted(v value) value {
	v = each(deepSorted)(v)
	lists, names := 0, 0
	for _, item := range v.items {
		switch item.kind {
		case '*':
			lists++
		case '$', '+':
			names++
		}
	}
	if lists == len(v.items) || names == len(v.items) {
		return sorted(v)
	}
	return v
}

// infoCache hides the age and, but for being there, the text of every entry.
func infoCache(v value) value {
	return each(each(func(entry value) value {
		if len(entry.items) != 2 {
			return entry
		}
		entry.items = slices.Clone(entry.items)
		entry.items[0].text = maskNumber(entry.items[0].text)
		if text := entry.items[1].text; strings.HasPrefix(text, "# Server\r\nredis_version:") {
			entry.items[1].text = "{INFO of a server}"
		}
		return entry
	}))(v)
}

// infoKept are the fields of INFO whose value must be the same.
var infoKept = []string{
	"redis_mode", "redis_git_dirty", "arch_bits", "process_supervised", "tcp_port", "configured_hz", "io_threads_active",
	"cluster_connections", "maxclients", "blocked_clients", "tracking_clients", "clients_in_timeout_table",
	"sentinel_masters", "sentinel_tilt", "sentinel_tilt_since_seconds", "sentinel_running_scripts",
	"sentinel_scripts_queue_length", "sentinel_simulate_failure_flags", "expired_keys", "keyspace_hits", "pubsub_patterns",
}

var masterLine = regexp.MustCompile(`^master\d+:`)

// infoText keeps sections, the order of fields, and the values that count.
func infoText(v value) value {
	var lines, masters []string
	for line := range strings.SplitSeq(v.text, "\r\n") {
		key, _, field := strings.Cut(line, ":")
		switch {
		case masterLine.MatchString(line):
			masters = append(masters, masterLine.ReplaceAllString(line, "master{i}:"))
			continue
		case field && !slices.Contains(infoKept, key):
			line = key + ":*"
		}
		lines = append(lines, line)
	}
	slices.Sort(masters)
	if len(masters) > 0 {
		lines = slices.Insert(lines, len(lines)-1, masters...) // before the end of the last line
	}
	v.text = strings.Join(lines, "\n")
	return v
}

// clientKept are the fields of CLIENT LIST whose value must be the same.
var clientKept = []string{"name", "flags", "db", "sub", "psub", "ssub", "multi", "cmd", "user", "redir", "resp"}

func clientList(v value) value {
	if v.kind != '$' && v.kind != '=' {
		return v
	}
	var lines []string
	for line := range strings.Lines(v.text) {
		var fields []string
		for field := range strings.FieldsSeq(line) {
			key, val, _ := strings.Cut(field, "=")
			if !slices.Contains(clientKept, strings.TrimPrefix(key, "txt:")) && val != "" {
				field = key + "=*"
			}
			fields = append(fields, field)
		}
		lines = append(lines, strings.Join(fields, " "))
	}
	v.text = strings.Join(lines, "\n")
	return v
}

// helpText keeps the first word of every synopsis: the wording is free.
func helpText(v value) value {
	if len(v.items) == 0 {
		return v
	}
	v.items = slices.Clone(v.items)
	kept := v.items[:min(1, len(v.items))]
	for _, item := range v.items[len(kept):] {
		if strings.HasPrefix(item.text, " ") {
			continue
		}
		for synopsis := range strings.SplitSeq(item.text, ", ") {
			item.text, _, _ = strings.Cut(synopsis, " ")
			if !slices.ContainsFunc(kept, func(k value) bool { return k.text == item.text }) {
				kept = append(kept, item)
			}
		}
	}
	v.items = kept
	head := v.items[0]
	v.items = sorted(value{kind: '*', items: v.items[1:]}).items
	v.items = append([]value{head}, v.items...)
	return v
}

// TestNormalMasksPorts: a time that equals a port of its side is still a time,
// and a port is still a port.
func TestNormalMasksPorts(t *testing.T) {
	var s side
	s.name1("spare-port", "28311")
	v := value{kind: '*'}
	for _, text := range []string{"name", "mymaster", "port", "28311", "role-reported-time", "28311", "info-refresh", "28312", "runid", "28311a"} {
		v.items = append(v.items, value{kind: '$', text: text})
	}
	const want = `["name", "mymaster", "port", "{spare-port}", "role-reported-time", "{n}", "info-refresh", "{n}", "runid", "28311a"]`
	if got := s.normal("SENTINEL MASTER mymaster", v).String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
