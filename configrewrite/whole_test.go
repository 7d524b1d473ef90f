package configrewrite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckWhole(t *testing.T) {
	const whole = "port 26379\nsentinel monitor m 127.0.0.1 6379 2\n\n" + generatedMarker + "\n" +
		"sentinel myid 0123456789012345678901234567890123456789\nsentinel config-epoch m 17\n" +
		"sentinel leader-epoch m 5000\nsentinel current-epoch 5000\n"
	for _, c := range []struct{ text, says string }{
		{whole, ""},
		{"", "is empty"},
		{" \n\n", "is empty"},
		{"# no masters yet\n", ""},
		{"sentinel monitor m 127.0.0.1 6379 2", ""}, // an operator's file needs no line feed at the end
		{"sentinel myid 0123456789012345678901234567890123456789\n", ""},
		{strings.TrimSuffix(whole, "0\n"), "may be cut"},
		{strings.TrimSuffix(whole, "sentinel current-epoch 5000\n"), "end is missing"},
		{whole[:strings.Index(whole, "17\n")+1], "may be cut"},
	} {
		path := filepath.Join(t.TempDir(), "sentinel.conf")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path, nil)
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%q: %v", c.text, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%q: error %v, want %q", c.text, err, c.says)
		}
	}
}
