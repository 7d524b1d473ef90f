//go:build !unix

package logfile

import (
	"errors"

	"github.com/gosentinel/sentinel/configrewrite"
)

// syslogOutput is never created on this system.
type syslogOutput struct{}

func (*syslogOutput) Write([]byte) (int, error) { return 0, errNoSyslog }

func (*syslogOutput) close() {}

var errNoSyslog = errors.New("syslog-enabled yes: this operating system has no system log; remove the line and use logfile")

func newSyslog(configrewrite.Settings) (*syslogOutput, error) { return nil, errNoSyslog }
