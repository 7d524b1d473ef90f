package sentineltest

import "fmt"

// Course returns what has happened, a line for each event.
func (c *Cluster) Course() []string {
	var lines []string
	for _, e := range c.history.all() {
		lines = append(lines, fmt.Sprint(e.at, " ", e.who, " ", e.name, " ", e.text))
	}
	return lines
}
