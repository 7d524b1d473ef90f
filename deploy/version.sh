#!/bin/sh
# Prints the version of what lies here: that of the tag v1.2.3 if it is exactly that,
# otherwise 0.1.0-dev.<time of the commit>+<commit>, with .dirty for changes that are
# not committed. Without git (a source archive) it is <release>-dev.
set -eu
cd "$(dirname "$0")/.."
release=$(sed -n 's/^const Version = "\(.*\)"$/\1/p' internal/node/version.go)
if ! commit=$(git rev-parse --short=12 HEAD 2>/dev/null); then
	echo "$release-dev"
	exit
fi
dirty=''
[ -z "$(git status --porcelain 2>/dev/null | head -1)" ] || dirty=.dirty
if tag=$(git describe --tags --exact-match --match 'v[0-9]*' HEAD 2>/dev/null) && [ -z "$dirty" ]; then
	echo "${tag#v}"
	exit
fi
time=$(TZ=UTC git log -1 --date=format-local:%Y%m%d%H%M%S --format=%cd)
echo "$release-dev.$time+$commit$dirty"
