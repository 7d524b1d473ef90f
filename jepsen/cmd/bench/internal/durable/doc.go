// Package durable measures what waits for the disk: saves of a Sentinel with many
// masters, and votes that are asked for in one go.
package durable
