package durable

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
)

func TestSave(t *testing.T) {
	for _, name := range []string{"sentinel.conf", "sentinel.toml"} {
		took, err := Save(t.TempDir(), name, 10, 3)
		if err != nil || len(took) != 3 {
			t.Errorf("%s: %v, %v", name, took, err)
		}
	}
}

// TestVotes has a server that answers with votes, and one that gives none.
func TestVotes(t *testing.T) {
	for reply, good := range map[string]bool{
		"*3\r\n:0\r\n$40\r\n" + peerID + "\r\n:7\r\n": true,
		"*3\r\n:0\r\n$1\r\n*\r\n:0\r\n":               false,
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			io.WriteString(conn, reply)
			io.Copy(io.Discard, conn)
		}()
		if _, err := Votes(context.Background(), ln.Addr().String(), 1, 7); (err == nil) != good {
			t.Errorf("%q: %v", reply, err)
		}
		ln.Close()
		<-served
	}
	if text := Config(5, 3); strings.Count(text, "sentinel monitor") != 3 {
		t.Error(text)
	}
}
