#!/bin/sh
# Installs what the tests need from Debian, and only what is missing: a machine that has it all stays untouched and offline.
# Run by `make test`, and with `load` by `make load`, which compares with more. Wants root, or sudo without a password.
set -eu

# what must be there (a command, or a file) and the package that brings it
need() {
	case "$1" in
	/*) [ -e "$1" ] || missing="$missing $2" ;;
	*) command -v "$1" >/dev/null 2>&1 || missing="$missing $2" ;;
	esac
}
missing=
need gcc gcc                           # go test -race needs cgo
need /usr/include/stdlib.h libc6-dev
need git git                           # go run of pinned tools
need sipp sip-tester
need baresip baresip-core
need /usr/lib/baresip/modules/srtp.so baresip-core
need linphonec linphone-cli
need sox sox
need ffmpeg ffmpeg
need opusdec opus-tools
need openssl openssl
need chromium chromium                 # the browser phone
need node nodejs
need npm npm
need /usr/lib/baresip/modules/dtls_srtp.so baresip-core
need curl curl
need ldapsearch ldap-utils
need open_jtalk open-jtalk             # speech of notices
need /var/lib/mecab/dic/open-jtalk/naist-jdic open-jtalk-mecab-naist-jdic
need flite flite
need softhsm2-util softhsm2
need glewlwyd glewlwyd                 # an identity service, and its database
need sqlite3 sqlite3
need /usr/share/doc/postgresql postgresql # the database that nodes share
need /usr/sbin/rsyslogd rsyslog        # a log server
need /usr/share/doc/rsyslog-gnutls rsyslog-gnutls
need pdftotext poppler-utils           # a reader of PDF, and what it needs for Japanese fonts that are not enclosed
need ip iproute2                       # network namespaces with the kernel's NAT
need iptables iptables
need sysctl procps
need /usr/share/poppler/cMap/Adobe-Japan1/UniJIS-UTF16-H poppler-data
if [ "${1:-}" = load ]; then
	need taskset util-linux
	need kamailio kamailio
	need rtpengine rtpengine-daemon
fi

# npm packages for $1, a folder here whose package.json is in $2, exactly those of its lock file, into a folder that is never committed.
packages() {
	page=$(dirname "$0")/$1/$2 into=$(dirname "$0")/../build/$1
	! cmp -s "$page/package-lock.json" "$into/package-lock.json" || return 0
	echo "installing the npm packages of loadtest/$1"
	mkdir -p "$into"
	cp "$page/package.json" "$into/"
	cp "$page/package-lock.json" "$into/package-lock.json.new"
	mv "$into/package-lock.json.new" "$into/package-lock.json"
	(cd "$into" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || {
		rm -f "$into/package-lock.json"
		echo "npm ci failed." >&2
		exit 1
	}
}
all_packages() {
	packages browser page
	packages idp provider
}
[ -n "$missing" ] || {
	all_packages
	exit 0
}

fail() {
	echo "The tests need these Debian packages:$missing" >&2
	echo "$1" >&2
	exit 1
}
command -v apt-get >/dev/null 2>&1 || fail "There is no apt-get here: install them by hand and run make test again."
as=
if [ "$(id -u)" != 0 ]; then
	sudo -n true 2>/dev/null || fail "This user is not root and has no sudo without a password: run 'apt-get install$missing' and make test again."
	as="sudo -n"
fi
echo "installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
	$as env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@" >"$log" 2>&1 </dev/null || {
		tail -n 20 "$log" >&2
		fail "apt-get $1 failed."
	}
}
run update
# shellcheck disable=SC2086 # a list of names
run install --no-install-recommends $missing
all_packages
