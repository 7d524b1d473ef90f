#!/bin/sh
# Counts with redis-cli, as scripts do: one run for each question and each write.
tls=${CA:+--tls --cacert $CA}

ask() { # ADDRESS PASSWORD WORDS...
	at=$1 REDISCLI_AUTH=$2
	shift 2
	export REDISCLI_AUTH
	[ -n "$REDISCLI_AUTH" ] || unset REDISCLI_AUTH
	# shellcheck disable=SC2086 # $tls is a list of words
	redis-cli -h "${at%:*}" -p "${at##*:}" $tls "$@" 2>&1
}

find_master() {
	for sentinel in $SENTINELS; do
		master=$(ask "$sentinel" "$SENTINEL_PASSWORD" SENTINEL get-master-addr-by-name "$MASTER" | paste -sd:)
		case $master in *:[0-9]*) return ;; esac
	done
}

redis-cli --version | sed 's/^redis-cli /version /'
master=''
while :; do
	[ -n "$master" ] || find_master
	reply=$(ask "$master" "$PASSWORD" INCR "$KEY")
	case $reply in
	*[!0-9]* | '')
		echo "error" $reply
		master=''
		;;
	*) echo "ok $reply" ;;
	esac
	sleep "$EVERY"
done
