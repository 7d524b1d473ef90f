package logfile

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/monitor"
)

// TestFileLog opens a log from settings.
func TestFileLog(t *testing.T) {
	dir := t.TempDir()
	set := configrewrite.DefaultSettings()
	set.Dir, set.LogFile, set.SyslogEnabled = dir, "s.log", true
	log, err := Open(set)
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
	log.Close() // a simulated crash closes it before the end of the run does
	text, err := os.ReadFile(filepath.Join(dir, "s.log"))
	if err != nil || strings.Contains(string(text), "too detailed") || !strings.Contains(string(text), "in detail") {
		t.Errorf("%v, log:\n%s", err, text)
	}
	set.LogFile, set.LogFormat, set.LogTimestampFormat, set.SyslogEnabled = "t.log", "logfmt", "milliseconds", false
	if log, err = Open(set); err != nil {
		t.Fatal(err)
	}
	log.Log(monitor.LevelNotice, "in another form")
	log.Close()
	text, err = os.ReadFile(filepath.Join(dir, "t.log"))
	if want := `^pid=\d+ role=sentinel timestamp="\d{13}" level=notice message="in another form"\n$`; err != nil || !regexp.MustCompile(want).Match(text) {
		t.Errorf("%v, log:\n%s", err, text)
	}
	set.LogFile = "none/s.log"
	if _, err := Open(set); err == nil || err.Error() != "Can't open the log file: none/s.log: No such file or directory" {
		t.Error(err)
	}
}
