// Package optionlist lists every option of a Sentinel as data, and writes
// docs/options.md from that: what the tables of monitor, configrewrite and
// scripts know, in one place.
package optionlist
