// Command pack makes the files of a release from what has been built: archives
// (archive.go) and images for containers (image.go). The same input gives the same
// bytes on every system: names are sorted, owners are numbers, and every time is the
// one of the commit.
//
// It writes images by itself instead of asking a daemon, because an image is no more
// than an archive and two descriptions in JSON, and so nobody needs a container
// engine, root or a registry to make one.
package main
