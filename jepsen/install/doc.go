// Package install holds tests of what users install: the Debian package on machines
// that are bare but for Debian, with systemd as their first process, and the image
// under a container engine.
//
// A machine is a directory that debootstrap has filled, booted by systemd-nspawn, with
// an address of its own (machine_linux_test.go). What needs that, root and Debian's
// archive runs with -long only: `make install-test`. The other tests look at the files
// and start the image's program as process 1.
package install
