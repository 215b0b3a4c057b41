#!/usr/bin/env bash
# redis-cli and redis-benchmark through atomicproxy, beside the same on a direct connection: try.sh HOST:PORT SERVER:PORT
#
# Prints "ok STEP" for each thing that it tried, and ends with 1 and what differed. At the line RESTART it waits for a
# line on its input: whoever runs it restarts the server behind the proxy meanwhile. $REDIS_CLI and $REDIS_BENCHMARK name
# other programs than those in the PATH; $MASS is the number of commands that go through --pipe.
set -euo pipefail

cli=${REDIS_CLI:-redis-cli} benchmark=${REDIS_BENCHMARK:-redis-benchmark} mass=${MASS:-1000000}
proxy=(-h "${1%:*}" -p "${1##*:}") direct=(-h "${2%:*}" -p "${2##*:}")
work=$(mktemp -d)
children=()
trap 'kill "${children[@]}" 2> /dev/null || true; rm -rf "$work"' EXIT
trap 'echo "line $LINENO: $BASH_COMMAND failed" >&2' ERR
export TERM=xterm # so that redis-cli edits lines, and shows hints, in the terminal that script(1) makes

r() { "$cli" "${proxy[@]}" "$@"; }
ok() { echo "ok $1"; }
fail() { printf 'lines %s: %s\n' "${BASH_LINENO[*]}" "$1" >&2; exit 1; }
same() { [ "$1" = "$2" ] || fail "got '$1', want '$2'"; }
has() { [[ $1 == *"$2"* ]] || fail "no '$2' in: $1"; }
hasnot() { [[ $1 != *"$2"* ]] || fail "'$2' in: $1"; }

# eventually waits up to five seconds until a file has a text.
eventually() {
  for _ in {1..100}; do
    grep -qF -- "$2" "$1" 2> /dev/null && return
    sleep 0.05
  done
  fail "no '$2' in: $(cat "$1")"
}

# quit ends the child that was started last.
quit() {
  kill "${children[-1]}"
  wait "${children[-1]}" || true
  unset 'children[-1]'
}

# ask sends one command in the session that stays open, and compares the one line that it answers.
ask() {
  local got
  echo "$2" >&"${session[1]}"
  read -r -t 5 got <&"${session[0]}" || fail "no answer to $2"
  same "$got" "$1"
}

# keys types into an interactive redis-cli, slowly enough for it to draw each state of the line, and prints the screen.
keys() {
  {
    for text in "$@"; do
      sleep 0.3
      printf '%b' "$text"
    done
    sleep 0.3
    printf '\x03'
  } | script -qec "stty cols 120 rows 24; exec '$cli' ${proxy[*]}" /dev/null
}

"$cli" --version | sed 's/^/client /'
same "$(r PING)" PONG
same "$(r SET cli:a 1)" OK
same "$(r GET cli:a)" 1
has "$(r -3 HELLO 3 | tr -s '[:space:]' ' ')" 'proto 3'
ok connect

coproc session { exec "$cli" "${proxy[@]}"; }
children+=("$session_PID")
ask OK 'WATCH cli:a'
same "$(r SET cli:a other)" OK
ask OK MULTI
ask QUEUED 'SET cli:a mine'
ask '' EXEC
ask other 'GET cli:a'
ask OK 'WATCH cli:a'
ask OK MULTI
ask QUEUED 'SET cli:a mine'
ask OK EXEC
ask mine 'GET cli:a'
ok transaction

same "$(r BLPOP cli:q 1)" ''
(sleep 0.3; r RPUSH cli:q job > /dev/null) &
same "$(r BLPOP cli:q 5 | tr '\n' ' ')" 'cli:q job '
ok blocking

"$cli" "${proxy[@]}" SUBSCRIBE cli:news > "$work/news" &
children+=($!)
eventually "$work/news" subscribe
same "$(r PUBLISH cli:news hello)" 1
eventually "$work/news" hello
quit
ok pubsub

"$cli" "${proxy[@]}" MONITOR > "$work/monitor" &
children+=($!)
eventually "$work/monitor" OK
r SET cli:seen here > /dev/null
eventually "$work/monitor" '"SET" "cli:seen" "here"'
quit
ok monitor

awk -v n="$mass" 'BEGIN {
  for (i = 0; i < n; i++) { k = "cli:m:" i % 10000; printf "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$5\r\nvalue\r\n", length(k), k }
}' > "$work/mass"
has "$(r --pipe < "$work/mass")" "errors: 0, replies: $mass"
same "$(r SET cli:m:0 bigger-than-the-others)" OK
printf 'SET cli:b 1\r\nLPUSH cli:b x\r\nGET cli:b\r\n' > "$work/wrong"
has "$(r --pipe < "$work/wrong" 2>&1 || true)" 'errors: 1, replies: 3'
ok pipeline

same "$(r --scan --pattern 'cli:m:*' | sort | md5sum)" "$("$cli" "${direct[@]}" --scan --pattern 'cli:m:*' | sort | md5sum)"
same "$(r --scan --pattern 'cli:m:*' | sort -u | wc -l)" 10000
ok scan

# The summary; what stands before it depends on the order in which the keys were met.
summary() { "$cli" "$@" | sed -n '/[Ss]ummary/,$p'; }
for report in --bigkeys --memkeys; do
  same "$(summary "${proxy[@]}" "$report")" "$(summary "${direct[@]}" "$report")"
done
has "$(summary "${proxy[@]}" --bigkeys)" '"cli:m:0"'
ok bigkeys

timeout 3 stdbuf -oL "$cli" "${proxy[@]}" --stat -i 0.2 > "$work/stat" || true # --stat never ends by itself
[ "$(grep -cE '^[0-9]+ +[0-9.]+[KMG] ' "$work/stat")" -ge 3 ] || fail "--stat: $(cat "$work/stat")"
r --latency -i 1 > "$work/latency"
grep -qE '^[0-9]+ [0-9]+ [0-9.]+ [0-9]+' "$work/latency" || fail "--latency: $(cat "$work/latency")"
ok stat

same "$(r PURGE 'cli:m:1*' DRYRUN)" "$(r --scan --pattern 'cli:m:1*' | wc -l)"
same "$(r PURGE 'cli:m:*')" 10000
same "$(r --scan --pattern 'cli:m:*')" ''
has "$(r PURGE '*')" DENIED
ok purge

help=$(keys '' 'help PURGE\r')
has "$help" summary:
hint=pattern
case $("$cli" --version) in
  'redis-cli 6.'*) hint='arg ...options...' ;; # it asks the server for no more than the number of arguments
  *) has "$help" DRYRUN ;;
esac
screen=$(keys '' 'PURGE ' 'cli:b ' 'DRYRUN\r' 'GET cli:a\r')
has "$screen" "PURGE $(printf '\033')[0;90;49m$hint" # the hint, in grey behind what was typed
has "$screen" '(integer) 1'
has "$screen" '"mine"'
ok help

# Its defaults, a pipeline, threads, and a random keyspace: no warning, no error, a result for each.
for options in '' '-P 16' '--threads 2' '-r 1000 -d 100'; do
  # shellcheck disable=SC2086 # several options in one word
  out=$("$benchmark" "${proxy[@]}" -q -n 5000 -t ping,set,get,incr,lpush,lpop,sadd,zadd,mset $options 2>&1 | tr '\r' '\n')
  hasnot "${out^^}" WARNING
  hasnot "${out^^}" ERR
  hasnot "$out" 'Could not'
  same "$(grep -c 'requests per second' <<< "$out")" 10
done
ok benchmark

echo RESTART
read -r
ask OK 'SET cli:a again'
ask again 'GET cli:a'
ask OK MULTI
ask QUEUED 'GET cli:a'
ask again EXEC
ok reconnect
exec {session[1]}>&-
