// Package svg draws the charts of the documents. They need lines and words, so they are
// drawn here instead of by a library that brings fonts and formats along. Colours follow
// the theme of the reader.
package svg
