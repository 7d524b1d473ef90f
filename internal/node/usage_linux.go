package node

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// queued returns for how long the threads of this process were ready to run and had no
// CPU: the second number of their schedstat, in nanoseconds. 0: the kernel does not tell.
func queued() (sum time.Duration) {
	const dir = "/proc/self/task/"
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	for _, t := range tasks {
		text, _ := os.ReadFile(dir + t.Name() + "/schedstat") // gone threads have none
		if words := bytes.Fields(text); len(words) > 1 {
			n, _ := strconv.ParseInt(string(words[1]), 10, 64)
			sum += time.Duration(n)
		}
	}
	return sum
}
