#!/usr/bin/env bash
# Throughput of one redis-server directly, and through this proxy, HAProxy (TCP
# mode) and twemproxy, in one run on one machine.
#
#   docs/bench.sh run FILE [ROUNDS]   adds ROUNDS (1) interleaved rounds to FILE
#   docs/bench.sh report FILE         medians, as a Markdown table
#
# Needs go, redis-server and redis-benchmark; haproxy and nutcracker are left out
# where they are not installed. A round takes about two minutes on a machine that
# does nothing else. Where it does, each measurement waits for the processors to be
# idle, up to BENCH_PATIENCE seconds (10), and is made again, up to BENCH_TRIES times
# (5), if other programs used more than a tenth of a processor meanwhile.
# Everything listens on loopback, and ends with this script.
set -euo pipefail
cd "$(dirname "$0")/.."

base=${BENCH_PORT:-17100} # redis, proxy, haproxy, twemproxy, in this order
seconds=${BENCH_SECONDS:-1}
# clients, commands in a pipeline, rough replies in a second (for the length of a run)
loads=("1 1 20000" "50 1 80000" "50 16 500000" "200 1 80000" "1000 1 60000")
dir=""
pids=()

stop() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	wait 2>/dev/null || true
	if [ -n "$dir" ]; then rm -rf "$dir"; fi
}

answers() {
	for _ in $(seq 100); do
		if redis-cli -p "$1" get nosuchkey >/dev/null 2>&1; then return; fi
		sleep 0.05
	done
	echo "nothing answers at port $1" >&2
	exit 1
}

start() {
	dir=$(mktemp -d)
	trap stop EXIT
	ulimit -n "$(ulimit -Hn)"
	go build -o "$dir/proxy" ./cmd/proxy
	for i in 0 1 2 3 4; do
		if (: </dev/tcp/127.0.0.1/$((base + i))) 2>/dev/null; then
			echo "port $((base + i)) is taken; set BENCH_PORT" >&2
			exit 1
		fi
	done
	redis-server --port "$base" --bind 127.0.0.1 --dir "$dir" --save '' --appendonly no >/dev/null &
	pids+=($!)
	answers "$base"
	"$dir/proxy" --listen "127.0.0.1:$((base + 1))" --admin '' --upstream "redis://127.0.0.1:$base" 2>"$dir/proxy.log" &
	pids+=($!)
	targets="direct:$base proxy:$((base + 1))"
	if command -v haproxy >/dev/null; then
		cat >"$dir/haproxy.cfg" <<-CFG
			global
			    maxconn 5000
			defaults
			    mode tcp
			    timeout connect 5s
			    timeout client 60s
			    timeout server 60s
			listen redis
			    bind 127.0.0.1:$((base + 2))
			    server one 127.0.0.1:$base
		CFG
		haproxy -q -f "$dir/haproxy.cfg" &
		pids+=($!)
		targets+=" haproxy:$((base + 2))"
	fi
	if command -v nutcracker >/dev/null; then
		cat >"$dir/nutcracker.yml" <<-CFG
			alpha:
			  listen: 127.0.0.1:$((base + 3))
			  redis: true
			  servers:
			   - 127.0.0.1:$base:1
		CFG
		nutcracker -c "$dir/nutcracker.yml" -s $((base + 4)) -o "$dir/nutcracker.log" &
		pids+=($!)
		targets+=" twemproxy:$((base + 3))"
	fi
	for t in $targets; do answers "${t#*:}"; done
}

# busy is the time that all programs have used so far, in hundredths of a second;
# ours is that of this script, of what it has waited for, and of the servers.
busy() { awk '/^cpu / {print $2 + $3 + $4}' /proc/stat; }
ours() {
	local files=(/proc/$$/stat)
	for pid in "${pids[@]}"; do files+=("/proc/$pid/stat"); done
	# The second field is a name in brackets; of the others these are utime, stime, cutime and cstime.
	sed 's/.*) //' "${files[@]}" | awk '{t += $12 + $13 + $14 + $15} END {print t}'
}

# quiet waits for half a second in which less than a sixth of one processor is used.
quiet() {
	local end=$((SECONDS + ${BENCH_PATIENCE:-10})) before
	while [ "$SECONDS" -lt "$end" ]; do
		before=$(busy)
		sleep 0.5
		if [ $(($(busy) - before)) -lt 8 ]; then return; fi
	done
}

# measure prints what redis-benchmark says, once no other program was in its way.
measure() {
	local all own began
	for _ in $(seq "${BENCH_TRIES:-5}"); do
		quiet
		all=$(busy) own=$(ours) began=${EPOCHREALTIME/./}
		# --csv: "GET","81967.21","0.303",… A proxy that does not know CONFIG costs only a warning.
		timeout 60 redis-benchmark "$@" -t get,set --csv 2>/dev/null >"$dir/result" || true
		all=$(($(busy) - all)) own=$(($(ours) - own)) began=$((${EPOCHREALTIME/./} - began))
		if [ $((all - own)) -lt $((began / 100000 + 3)) ]; then break; fi
	done
	cat "$dir/result"
}

# round measures every load on every target, the targets of one load next to
# each other, so that what else the machine does meets them alike.
round() {
	for load in "${loads[@]}"; do
		read -r clients pipeline rate <<<"$load"
		for t in $targets; do
			measure -p "${t#*:}" -c "$clients" -P "$pipeline" -n $((rate * seconds)) |
				awk -F'"' -v t="${t%:*}" -v c="$clients" -v p="$pipeline" '$2 == "GET" || $2 == "SET" {print t, c, p, $2, $4}' >>"$1"
		done
	done
}

report() {
	sort -k1,4 -k5,5n "$1" | awk '
		function flush() { if (n) m[key] = (n % 2) ? v[(n+1)/2] : (v[n/2] + v[n/2+1]) / 2; if (n > rounds) rounds = n; n = 0 }
		{ k = $1 " " $2 " " $3 " " $4; if (k != key) { flush(); key = k }; v[++n] = $5 }
		END {
			flush()
			print "| clients | pipeline | command | direct, 1/s | proxy | HAProxy | twemproxy |\n|---|---|---|---|---|---|---|"
			nc = split("1 50 200 1000", cs); np = split("1 16", ps); split("GET SET", os); split("proxy haproxy twemproxy", ts)
			for (i = 1; i <= nc; i++) for (j = 1; j <= np; j++) for (o = 1; o <= 2; o++) {
				at = " " cs[i] " " ps[j] " " os[o]
				if (!(("direct" at) in m)) continue
				line = "| " cs[i] " | " ps[j] " | " os[o] " | " sprintf("%d", m["direct" at])
				for (x = 1; x <= 3; x++) line = line " | " (((ts[x] at) in m) ? sprintf("%.2f", m[ts[x] at] / m["direct" at]) : "-")
				print line " |"
			}
			print "\nMedians of " rounds " interleaved rounds; the proxies as a ratio to direct."
		}'
}

case "${1:-} $#" in
"run "[23])
	start
	for i in $(seq "${3:-1}"); do
		echo "round $i: load $(cut -d' ' -f1-3 /proc/loadavg)" >&2
		round "$2"
	done
	;;
"report 2") report "$2" ;;
*)
	sed -n '2,14s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
