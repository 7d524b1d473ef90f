package monitor

import (
	"bytes"
	"strings"
	"testing"
)

// TestPackedInfo: every reply comes back as it was, also one that no server sends.
func TestPackedInfo(t *testing.T) {
	all := strings.ReplaceAll(infoLines, "\n", "\r\n")
	for _, text := range []string{
		"", "x", "\n", "\r\n", "\r\n\r\n", "\r\n\r\n\r\n# Clients\r\n", "# Server\r\n", "# Server:1\r\n", "# Server", "hz\r\n", "hz:\r\n", "hz:10\n", "hz:10", "hz:\r\r\n",
		"redis_version:7.0.15\r\nnew_line:1\r\nanother:2\r\nredis_git_sha1:00000000\r\nnew_line:3\r\n", "hz:1\r\nhz:2\r\nhz:10\r\nos:Linux\r\n",
		all, all + all, strings.ReplaceAll(all, ":", ":9"), strings.ReplaceAll(all, "\r\n", "\n"), strings.Repeat("slave0:ip=\x00\xff\r\n", 1000),
	} {
		packed := PackInfo([]byte(text))
		if got := packed.Bytes(); string(got) != text || got == nil {
			t.Errorf("%.100q came back as %.100q", text, got)
		}
		if packed == "" {
			t.Errorf("%.100q looks like no reply", text)
		}
	}
	if InfoText("").Bytes() != nil {
		t.Error("no reply has a text")
	}
}

// TestPackedInfoSize: what real servers say takes a small part of its size.
func TestPackedInfoSize(t *testing.T) {
	for _, name := range []string{"master.txt", "replica.txt", "promoted.txt"} {
		text := infoFile(t, name)
		if n := len(PackInfo(text)); n > len(text)/3 {
			t.Errorf("%s: %d bytes of %d", name, n, len(text))
		}
	}
}

func FuzzPackInfo(f *testing.F) {
	for _, name := range []string{"master.txt", "replica.txt", "promoted.txt"} {
		f.Add(infoFile(f, name))
	}
	f.Add([]byte("\x02\x05\x01x\n\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = InfoText(b).Bytes() // whatever it is
		p := PackInfo(b)
		if !bytes.Equal(p.Bytes(), b) {
			t.Errorf("%q came back as %q", b, p.Bytes())
		}
		if len(p) > 2*len(b)+2 {
			t.Errorf("%d bytes became %d", len(b), len(p))
		}
	})
}
