// Package race says whether the race detector is at work. Searches that take it ten
// times as long see a part of their space with it, and all of it without: make test runs
// them both ways.
package race
