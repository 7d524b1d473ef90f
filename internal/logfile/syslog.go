//go:build unix

package logfile

import (
	"bytes"
	"log/syslog"
	"strings"

	"github.com/gosentinel/sentinel/configrewrite"
)

// syslogOutput sends log lines to the system log. It is the output of a Writer of
// its own, which provides the queue that keeps a slow system log from blocking
// the Sentinel, the escaping, and the count of lost lines. Each line is split
// again here, since syslog has separate fields for time, process and level.
type syslogOutput struct {
	dial func() (*syslog.Writer, error)
	to   *syslog.Writer // nil until the first line, and after a failure
}

// Write implements io.Writer. lines must be whole lines.
func (o *syslogOutput) Write(lines []byte) (int, error) {
	if o.to == nil {
		var err error
		if o.to, err = o.dial(); err != nil {
			return 0, err
		}
	}
	sent := 0
	for line := range bytes.Lines(lines) {
		if err := o.send(string(bytes.TrimSuffix(line, []byte("\n")))); err != nil {
			o.close()
			return sent, err
		}
		sent += len(line)
	}
	return sent, nil
}

// send sends one line, which looks like
//
//	4711:X 21 Nov 2026 08:12:03.482 # +sdown master mymaster 127.0.0.1 6380
func (o *syslogOutput) send(line string) error {
	fields := strings.SplitN(line, " ", 7)
	text := fields[len(fields)-1]
	if len(fields) < 7 {
		return o.to.Warning(line) // impossible, but must not be lost
	}
	switch fields[5] {
	case ".":
		return o.to.Debug(text)
	case "-":
		return o.to.Info(text)
	case "*":
		return o.to.Notice(text)
	default:
		return o.to.Warning(text)
	}
}

func (o *syslogOutput) close() {
	if o.to != nil {
		o.to.Close()
		o.to = nil
	}
}

var syslogFacilities = map[string]syslog.Priority{
	"user": syslog.LOG_USER, "local0": syslog.LOG_LOCAL0, "local1": syslog.LOG_LOCAL1, "local2": syslog.LOG_LOCAL2,
	"local3": syslog.LOG_LOCAL3, "local4": syslog.LOG_LOCAL4, "local5": syslog.LOG_LOCAL5, "local6": syslog.LOG_LOCAL6,
	"local7": syslog.LOG_LOCAL7,
}

// newSyslog returns an output to the system log of this machine. It connects when
// the first line is written.
func newSyslog(set configrewrite.Settings) (*syslogOutput, error) {
	return &syslogOutput{dial: func() (*syslog.Writer, error) {
		return syslog.New(syslogFacilities[set.SyslogFacility]|syslog.LOG_NOTICE, set.SyslogIdent)
	}}, nil
}
