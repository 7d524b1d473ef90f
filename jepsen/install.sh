#!/bin/sh
# Installs the programs named on the command line if they are missing, with
# apt-get, as root or through sudo. Says what it does. The status is 0 when all
# of them are there in the end. python3-redis is no program but a library for
# /usr/bin/python3; another Python in PATH does not see it. Other libraries are named as
# Debian's packages.
set -u

# package PROGRAM prints the Debian package that holds a program.
package() {
	case $1 in
	gcc) echo gcc libc6-dev ;; # the race detector needs a C compiler and linker
	nft) echo nftables ;;
	ip) echo iproute2 ;;
	promtool) echo prometheus ;;
	systemd-nspawn) echo systemd-container ;;
	php) echo php-cli ;;
	libredis-perl) echo libredis-perl libio-socket-ssl-perl ;; # the other is for TLS
	podman) echo podman runc ;;
	*) echo "$1" ;;
	esac
}

# there PROGRAM tells whether it is installed.
there() {
	case $1 in
	python3-redis) /usr/bin/python3 -c 'import redis' >/dev/null 2>&1 ;;
	ruby-* | php-* | lib*) dpkg -s "$1" 2>/dev/null | grep -q '^Status: install ok installed' ;;
	# Debian's users other than root do not have /usr/sbin in PATH.
	*) PATH="$PATH:/usr/sbin" command -v "$1" >/dev/null 2>&1 ;;
	esac
}

missing='' packages=''
for program in "$@"; do
	if ! there "$program"; then
		missing="$missing $program"
		packages="$packages $(package "$program")"
	fi
done
[ -n "$missing" ] || exit 0

cannot() {
	echo "deps: missing:$missing. $1" >&2
	echo "deps: please install by hand (Debian, Ubuntu: apt-get install$packages)." >&2
	exit 1
}

command -v apt-get >/dev/null 2>&1 || cannot "There is no apt-get here."
as_root=''
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null 2>&1 || cannot "Installing needs root, and there is no sudo."
	# Without a terminal nobody could type a password, so ask for none.
	if [ -t 0 ]; then as_root='sudo'; else as_root='sudo -n'; fi
fi

echo "deps: missing:$missing; running $as_root apt-get install -y --no-install-recommends$packages"
export DEBIAN_FRONTEND=noninteractive
# A failing update is told by the install, which may still find the packages.
$as_root apt-get -q update >/dev/null || echo "deps: apt-get update failed; trying with the lists at hand" >&2
# shellcheck disable=SC2086 # $packages and $as_root are lists of words
$as_root apt-get -q -y install --no-install-recommends $packages || cannot "apt-get failed."
