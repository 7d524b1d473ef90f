#!/bin/sh
# Builds what is given to users, with Go alone, as anybody and for every system:
#
#   dist.sh deb [ARCH]    dist/gosentinel_*.deb, of this machine's processor
#   dist.sh image [ARCH]  dist/gosentinel_*.image.tar, an image for containers
#   dist.sh all           dist/release/: programs, packages, images, SBOMs, SHA256SUMS
#
# The same commit and the same Go give the same bytes. VERSION and SOURCE_DATE_EPOCH in
# the environment win over what git says, and OUT names another directory than dist.
set -eu
cd "$(dirname "$0")/.."
GO=${GO:-go}
VERSION=${VERSION:-$(sh deploy/version.sh)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export VERSION SOURCE_DATE_EPOCH
# The machine that builds must leave no trace.
export CGO_ENABLED=0 GOAMD64=v1 GOARM64=v8.0 GOFLAGS=-buildvcs=false
unset GOOS GOARCH GOEXPERIMENT
# Pinned, so that a new release of them changes nothing by itself.
NFPM=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
SBOM=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

fail() {
	echo "dist: $1" >&2
	exit 1
}

echo "$VERSION" | grep -Eq '^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$' && [ ${#VERSION} -le 100 ] ||
	fail "VERSION=$VERSION is no version such as 1.2.3 or 1.2.3-rc.1+abc"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
$GO build -o "$work/pack" ./deploy/pack

# program OS ARCH prints the path of the program, which it builds once.
program() {
	built=$work/$1-$2/gosentinel
	[ -e "$built" ] || GOOS=$1 GOARCH=$2 $GO build -trimpath \
		-ldflags "-s -w -X github.com/gosentinel/sentinel/internal/node.stamped=$VERSION" -o "$built" ./cmd/gosentinel
	echo "$built"
}

# archive OS ARCH DIR
archive() {
	name=gosentinel_${VERSION}_$1_$2
	"$work/pack" archive -out "$3/$name.tar.gz" -time "$SOURCE_DATE_EPOCH" \
		"$name/gosentinel=$(program "$1" "$2"),0755" "$name/README.md=README.md" "$name/LICENSE=LICENSE" \
		"$name/THIRD_PARTY_NOTICES=THIRD_PARTY_NOTICES" "$name/CHANGELOG.md=CHANGELOG.md" \
		"$name/sentinel.conf=deploy/debian/sentinel.conf" "$name/gosentinel.service=deploy/systemd/gosentinel.service" \
		"$name/sentinel.toml.example=sentinel.toml.example" "$name/proxy.toml.example=proxy.toml.example" \
		"$name/agent.toml.example=agent.toml.example"
}

# sbom OS ARCH DIR lists what is linked into the program.
sbom() {
	[ -e "$work/cyclonedx-gomod" ] || GOBIN=$work $GO install "$SBOM"
	"$work/cyclonedx-gomod" bin -json -std -noserial -notimestamp -version "v$VERSION" \
		-output "$3/gosentinel_${VERSION}_$1_$2.cdx.json" "$(program "$1" "$2")" 2>"$work/log" ||
		fail "the SBOM of $1/$2: $(cat "$work/log")"
}

# deb ARCH DIR
deb() {
	[ -e "$work/nfpm" ] || GOBIN=$work $GO install "$NFPM"
	sh deploy/debian/stage.sh "$work/deb-$1" "$(program linux "$1")" "$(program "$($GO env GOHOSTOS)" "$($GO env GOHOSTARCH)")"
	(cd "$work/deb-$1" && DEBARCH=$1 "$work/nfpm" package -f nfpm.yaml -p deb -t "$work/deb-$1.deb" >"$work/log") ||
		fail "the package: $(cat "$work/log")"
	cp "$work/deb-$1.deb" "$2/gosentinel_$(echo "$VERSION" | tr + _)_$1.deb"
}

# image ARCH DIR
image() {
	"$work/pack" image -out "$2/gosentinel_$(echo "$VERSION" | tr + _)_linux_$1.image.tar" -time "$SOURCE_DATE_EPOCH" \
		-platform "linux/$1" -version "$VERSION" \
		"usr/bin/gosentinel=$(program linux "$1"),0755" "etc/gosentinel/sentinel.conf=deploy/image/sentinel.conf" \
		"etc/passwd=deploy/image/passwd" "etc/group=deploy/image/group" "tmp/=1777" \
		"usr/share/doc/gosentinel/LICENSE=LICENSE" "usr/share/doc/gosentinel/THIRD_PARTY_NOTICES=THIRD_PARTY_NOTICES" \
		"var/lib/gosentinel/=0750,65532"
}

host=${2:-$($GO env GOHOSTARCH)}
out=${OUT:-dist}
mkdir -p "$out"
case ${1:-} in
deb)
	rm -f "$out"/gosentinel_*.deb # so that apt install ./dist/*.deb finds one
	deb "$host" "$out"
	ls "$out"/gosentinel_*.deb
	;;
image)
	rm -f "$out"/gosentinel_*.image.tar
	image "$host" "$out"
	ls "$out"/gosentinel_*.image.tar
	;;
all)
	rm -rf "$out/release" && mkdir -p "$out/release"
	for system in linux darwin freebsd; do
		for arch in amd64 arm64; do
			archive "$system" "$arch" "$out/release"
			sbom "$system" "$arch" "$out/release"
		done
	done
	for arch in amd64 arm64; do
		deb "$arch" "$out/release"
		image "$arch" "$out/release"
	done
	sums=sha256sum
	command -v sha256sum >/dev/null || sums='shasum -a 256'
	(cd "$out/release" && $sums -- * >"$work/sums" && mv "$work/sums" SHA256SUMS && chmod 644 SHA256SUMS)
	cat "$out/release/SHA256SUMS"
	;;
*) fail "what? deb, image or all" ;;
esac
