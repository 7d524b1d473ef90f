//go:build unix

package logfile

import (
	"errors"
	"log/syslog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// TestSyslog: each line arrives with its own level, without the parts for which
// syslog has fields of its own.
func TestSyslog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	out := &syslogOutput{dial: func() (*syslog.Writer, error) {
		return syslog.Dial("unixgram", path, syslogFacilities["local3"]|syslog.LOG_NOTICE, "me")
	}}
	main, err := New(Config{Path: filepath.Join(t.TempDir(), "s.log")})
	if err != nil {
		t.Fatal(err)
	}
	second, err := newSystemWriter(out, main, Debug)
	if err != nil {
		t.Fatal(err)
	}
	log := bothLogs{main, second}
	log.Log(monitor.LevelDebug, "one")
	log.Log(monitor.LevelVerbose, "two  words\nand more")
	log.Log(monitor.LevelNotice, "three")
	log.Event(event.PersistError{Failing: true, Reason: "disk full"})
	closeLogs([]*Writer{second, main})
	out.close()

	const local3 = 19 << 3
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	for _, want := range []string{
		`^<159>.* me\[\d+\]: one\n$`, `^<158>.*: two  words\\nand more\n$`, `^<157>.*: three\n$`, `^<156>.*: \+persist-error .*disk full`,
	} {
		buf := make([]byte, 2000)
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(want).Match(buf[:n]) {
			t.Errorf("%q does not match %s (facility %d)", buf[:n], want, local3)
		}
	}
}

// TestSyslogMissing: a system log that cannot be reached is reported once in the
// other log, and lines logged after it returns arrive.
func TestSyslogMissing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.log")
	main, err := New(Config{Path: file})
	if err != nil {
		t.Fatal(err)
	}
	second, err := newSystemWriter(&syslogOutput{dial: func() (*syslog.Writer, error) { return nil, errors.New("nobody listens") }}, main, Debug)
	if err != nil {
		t.Fatal(err)
	}
	log := bothLogs{main, second}
	log.Log(monitor.LevelWarning, "one")
	log.Log(monitor.LevelWarning, "two")
	closeLogs([]*Writer{second, main})
	text, err := os.ReadFile(file)
	if err != nil || strings.Count(string(text), "Lines for the system log are being lost: nobody listens") != 1 ||
		!strings.Contains(string(text), "one\n") || !strings.Contains(string(text), "two\n") {
		t.Errorf("%v, log:\n%s", err, text)
	}
}

func facilityNames() []string { return slices.Collect(maps.Keys(syslogFacilities)) }
