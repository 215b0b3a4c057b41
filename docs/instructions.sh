#!/usr/bin/env bash
# Instructions that the proxy's own work takes, counted by valgrind: unlike times, they are the same on a machine that
# does other things meanwhile, so that a regression of one percent shows.
#
#   docs/instructions.sh           prints a Markdown table
#   docs/instructions.sh check     compares with the table in docs/performance.md; fails where one is over 3 % higher
#
# Needs go and valgrind. Each benchmark runs twice, with different numbers of iterations; the difference leaves the
# start of the program out. It takes about two minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

few=1000
tolerance=3 # percent
# package, benchmark, iterations (enough to drown what the start takes more or less each time), what it is
benchmarks=(
	"proxy/resp RequestsGet 500000 framing of a GET"
	"proxy/resp RequestsSet 500000 framing of a SET of 64 bytes"
	"proxy/resp RepliesBulk64 500000 framing of a reply of 64 bytes"
	"proxy/session Lookup/GET 1000000 classifying a command by its name"
	"commands Rewrite 30000 a custom command: arguments checked, EVALSHA written"
	"proxy/upstream Ring 1000000 an entry of the in-flight ring, in and out"
	"proxy HistogramObserve 1000000 a duration counted for the metrics"
	"proxy/session ForwardP1 100000 a whole command and its reply, without system calls"
	"proxy/session ForwardP16 15000 sixteen of them in a pipeline"
)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# counted BINARY BENCHMARK ITERATIONS: one thread and no collector, whose work depends on time.
counted() {
	local pattern="^Benchmark${2//\//\$/^}\$"
	GOMAXPROCS=1 GOGC=off GODEBUG=asyncpreemptoff=1 valgrind --tool=callgrind --callgrind-out-file=/dev/null "$1" \
		-test.run '^$' -test.bench "$pattern" -test.benchtime "${3}x" 2>&1 >"$dir/out" | awk '/Collected/ {print $NF}'
	grep -q '^Benchmark' "$dir/out" || { echo "there is no benchmark $2" >&2; return 1; }
}

table() {
	local package name more what binary a b
	echo '| benchmark | instructions | |'
	echo '|---|---|---|'
	for line in "${benchmarks[@]}"; do
		read -r package name more what <<<"$line"
		binary=$dir/${package//\//-}
		[ -x "$binary" ] || go test -tags valgrind -c -o "$binary" "./$package" # the tag makes Go's stacks known to valgrind
		a=$(counted "$binary" "$name" $few)
		b=$(counted "$binary" "$name" $more)
		echo "| $package $name | $(((b - a) / (more - few))) | $what |"
	done
}

check() {
	table | tee "$dir/now" >&2
	awk -F' *[|] *' -v tolerance=$tolerance '
		$3 !~ /^[0-9]+$/ {next}
		NR == FNR {was[$2] = $3; next}
		!($2 in was) {print $2 ": not in docs/performance.md"; bad = 1; next}
		$3 > was[$2] * (1 + tolerance / 100) + 2 {print $2 ": " $3 " instructions, " was[$2] " before"; bad = 1}
		END {exit bad}' docs/performance.md "$dir/now"
}

case "${*:-table}" in
table) table ;;
check) check ;;
*)
	sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
