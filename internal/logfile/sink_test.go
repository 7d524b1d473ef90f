package logfile

import (
	"errors"
	"log/syslog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/monitor"
)

// TestSyslog: each line arrives with its own level, without the parts that
// syslog has places for.
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
	log.Event(monitor.PersistError{Failing: true, Reason: "disk full"})
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

// TestSyslogMissing: a system log that cannot be reached is told in the other
// log, once, and what comes when it is back arrives.
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

// TestFileLog goes through the settings.
func TestFileLog(t *testing.T) {
	dir := t.TempDir()
	set := configrewrite.DefaultSettings()
	set.Dir, set.LogFile, set.SyslogEnabled = dir, "s.log", true
	log, err := Opener(set)()
	if err != nil {
		t.Fatal(err)
	}
	log.Log(monitor.LevelVerbose, "too detailed")
	log.SetLevel("debug")
	if log.Level() != "debug" {
		t.Errorf("level %s", log.Level())
	}
	log.Log(monitor.LevelVerbose, "in detail")
	log.Close()
	log.Close() // a simulated crash closes it before the end does
	text, err := os.ReadFile(filepath.Join(dir, "s.log"))
	if err != nil || strings.Contains(string(text), "too detailed") || !strings.Contains(string(text), "in detail") {
		t.Errorf("%v, log:\n%s", err, text)
	}
	set.LogFile, set.LogFormat, set.LogTimestampFormat, set.SyslogEnabled = "t.log", "logfmt", "milliseconds", false
	if log, err = Opener(set)(); err != nil {
		t.Fatal(err)
	}
	log.Log(monitor.LevelNotice, "in another form")
	log.Close()
	text, err = os.ReadFile(filepath.Join(dir, "t.log"))
	if want := `^pid=\d+ role=sentinel timestamp="\d{13}" level=notice message="in another form"\n$`; err != nil || !regexp.MustCompile(want).Match(text) {
		t.Errorf("%v, log:\n%s", err, text)
	}
	set.LogFile = "none/s.log"
	if _, err := Opener(set)(); err == nil || err.Error() != "Can't open the log file: none/s.log: No such file or directory" {
		t.Error(err)
	}
}
