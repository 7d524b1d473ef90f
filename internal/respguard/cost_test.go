package respguard

import (
	"bytes"
	"io"
	"runtime"
	"testing"
)

// TestPipelineOfStrangers: before AUTH one command is scanned at a time. What has
// arrived with it must not be copied for each of them: a stranger could then make
// this Sentinel move hundreds of bytes for each one that it sends.
func TestPipelineOfStrangers(t *testing.T) {
	const commands = 20 * ReadBytes / 14
	stream := bytes.Repeat([]byte("*1\r\n$4\r\nPING\r\n"), commands)
	c := newConn(&script{chunks: [][]byte{stream}}, New(Limits{AuthRequired: true}))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	buf, got := make([]byte, ReadBytes), 0
	for {
		n, err := c.Read(buf)
		got += n
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if got != len(stream) {
		t.Errorf("read %d bytes of %d", got, len(stream))
	}
	if moved := after.TotalAlloc - before.TotalAlloc; moved > 8*uint64(len(stream)) {
		t.Errorf("%d bytes were allocated for %d", moved, len(stream))
	}
}
