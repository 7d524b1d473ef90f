#!/bin/sh
# stage.sh DIR PROGRAM HERE puts what the package is made of into DIR. HERE is the same
# program for this machine, which tells the completions of shells.
set -eu
cd "$(dirname "$0")/../.."
dir=$1
mkdir -p "$dir/doc" "$dir/man"
cp "$2" "$dir/gosentinel"
cp deploy/systemd/gosentinel.service deploy/debian/sentinel.conf deploy/debian/nfpm.yaml \
	deploy/debian/postinst deploy/debian/prerm deploy/debian/postrm deploy/debian/lintian "$dir"
cp deploy/debian/README.Debian THIRD_PARTY_NOTICES sentinel.toml.example proxy.toml.example agent.toml.example "$dir/doc"
cat - LICENSE >"$dir/doc/copyright" <<HEAD
gosentinel, https://github.com/gosentinel/sentinel
The notices of what is linked into the program: THIRD_PARTY_NOTICES, beside this file.

HEAD
version=$(echo "$VERSION" | sed 's/-/~/')
cat >"$dir/changelog" <<CHANGE
gosentinel ($version) unstable; urgency=medium

  * What is new is in changelog.gz, beside this file.

 -- gosentinel maintainers <gosentinel@users.noreply.github.com>  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH" 2>/dev/null || LC_ALL=C date -u -r "$SOURCE_DATE_EPOCH" '+%a, %d %b %Y %H:%M:%S +0000')
CHANGE
gzip -9n <"$dir/changelog" >"$dir/doc/changelog.Debian.gz"
for page in docs/man/*.1; do
	gzip -9n <"$page" >"$dir/man/${page##*/}.gz"
done
for shell in bash zsh fish; do
	"$3" completion "$shell" >"$dir/completion.$shell"
done
gzip -9n <CHANGELOG.md >"$dir/doc/changelog.gz"
