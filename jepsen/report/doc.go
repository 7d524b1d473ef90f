// Package report writes what came of a trial into its directory: the verdict as text and
// as JSON, what happened in the order of time, and one page for a browser that needs
// nothing else.
package report
