#!/bin/sh
# The verbs map and topo: machines, jobs, formats, messages.
test_description="map and topo"
. /usr/share/sharness/sharness.sh

refused() { # refused STATUS WORDS ARGUMENTS...
	status=$1 words=$2
	shift 2
	expect_exit "$status" perilune "$@" >out 2>err && grep -e "$words" err &&
	test_must_be_empty out
}

test_expect_success "what is missing or mistyped is told" '
	refused 2 "which job" map --topo loopback &&
	refused 2 "which machine" map --job dp=4 &&
	refused 2 "did you mean .gb300-nvl72" map --topo gb300-nvl7 --job dp=4 &&
	refused 2 "did you mean .racks" map --topo gb300-nvl72:rack=1 --job dp=4 &&
	refused 2 "did you mean .layers" map --topo loopback --job "dp=4 layer=3" &&
	refused 2 "did you mean .torchrun" map --topo loopback --job dp=4 --for torchrn &&
	refused 2 "did you mean .vector" map --topo loopback --job dp=4 --format vektor &&
	refused 2 "elsewhere" map --topo loopback --job dp=4 --hosts elsewhere &&
	refused 2 "4 levels" map --tree 4:18:7:20 --distance 1:3 --job dp=4
'

test_expect_success "too few GPUs name the nearest size that fits" '
	refused 2 "nearest size that fits is dp=32" map --topo dgx-h100:nodes=32 --job "tp=8 dp=33"
'

test_expect_success "topo show begins with the counts" '
	perilune topo show gb300-nvl72:racks=144,su=8 >out &&
	echo "2592 hosts, 10368 GPUs, 144 NVLink domains, 216 switches, 10368 adapters" >expected &&
	head -n 1 out | test_cmp expected - && grep "^rack .*nvlink.*900" out
'

test_expect_success "a vector has one PE a line; a regular job keeps its order" '
	perilune map --topo gb300-nvl72:racks=144 --job "tp=4 cp=2 pp=8 dp=162 ep=16" >out 2>err &&
	seq 0 10367 >expected && test_cmp expected out && grep "keep your order" err
'

test_expect_success "effort and seed are for jobs too: the same seed, the same map" '
	set -- --topo gb300-nvl72:racks=5 --unusable "r002t03:1,r004t11" --for mpi --job \
		"tp=4 dp=70 ep=56" --seed 3 &&
	perilune map "$@" --effort best -o one 2>/dev/null &&
	perilune map "$@" --effort best -o two 2>/dev/null && test_cmp one two &&
	perilune map "$@" --evaluate one --explain >said 2>/dev/null && grep "^step" said
'

test_expect_success "blocks stay whole in racks with broken GPUs" '
	perilune map --topo gb300-nvl72:racks=16 --unusable "r[001-016]t18:2-3" \
		--job "tp=8 pp=8 dp=16" >out 2>err && grep "blocks of 8 ranks" err &&
	# the GPUs of each eight ranks are in one rack of 72
	awk "{ r = int(\$1 / 72); if (NR % 8 == 1) first = r; if (r != first) bad = 1 }
	     END { exit bad || NR != 1024 }" out
'

test_expect_success "no rank is on a GPU that is unusable or excluded, none shares one" '
	perilune map --topo dgx-h100:nodes=4 --job "tp=2 dp=11" --for mpi --exclude dgx002 \
		--unusable "dgx001:0,dgx003:7" --format csv >out 2>/dev/null &&
	test "$(wc -l <out)" -eq 23 && ! grep -E "dgx002|dgx001,0|dgx003,7" out &&
	test "$(cut -d, -f2,3 out | sort | uniq -d | wc -l)" -eq 0
'

test_expect_success "a format that cannot say the map names the first rank" '
	refused 2 "rank 0 runs on GPU 1 of dgx001" map --topo dgx-h100:nodes=4 --job dp=31 \
		--for mpi --unusable dgx001:0 --format seq
'

test_expect_success "json carries costs and what was assumed, and parses" '
	perilune map --topo loopback:hosts=4 --job "tp=2 dp=8" --format json -o map.json \
		2>/dev/null &&
	python3 -c "
import json
m = json.load(open(\"map.json\"))
assert [r[\"rank\"] for r in m[\"ranks\"]] == list(range(16))
assert m[\"ranks\"][4][\"host\"] == \"127.1.0.2\" and m[\"ranks\"][5][\"gpu\"] == 1
assert m[\"cost\"][\"step\"] <= m[\"baseline\"][\"step\"] and m[\"assumed\"] and m[\"seconds\"] >= 0
assert m[\"lower_bound\"][\"step\"] <= m[\"cost\"][\"step\"]
"
'

test_expect_success "--explain is the output alone, and a comment beside a format" '
	perilune map --tree 4:2 --distance 1:5 --job dp=8 --explain >out &&
	sed -n "/^assumed/,/^$/p" out | grep "uncalibrated" &&
	perilune map --tree 4:2 --distance 1:5 --job dp=8 --explain --format vector >out 2>err &&
	test "$(wc -l <out)" -eq 8 && grep "^assumed" err
'

test_expect_success "10,368 GPUs are drawn in less than 2 MB of well-formed SVG, broken ones marked" '
	perilune topo draw gb300-nvl72:racks=144 --unusable r003t02:1 -o machine.svg &&
	perilune map --topo gb300-nvl72:racks=144 --job "tp=8 pp=8 dp=162" --format svg -o map.svg \
		2>/dev/null &&
	python3 -c "
import sys, xml.etree.ElementTree as tree
for name, broken in ((\"machine.svg\", 1), (\"map.svg\", 0)):
    text = open(name).read()
    assert len(text) < 2e6, len(text)
    svg = \"{http://www.w3.org/2000/svg}\"
    hosts = tree.fromstring(text).findall(svg + \"g\")
    assert len(hosts) == 2592 and hosts[0].find(svg + \"title\").text.startswith(\"r001t01\")
    cells = [c.get(\"class\") for h in hosts for c in h.findall(svg + \"path\")]
    assert len(cells) == 10368 and cells.count(\"b\") == broken
    assert cells[0] == (\"f\" if broken else \"c0\")
"
'

test_expect_success "a cluster file of one own, with groups" '
	cat >own.lua <<-\EOF &&
	local p = ...
	return { hosts = ("n[1-%d]"):format(p.n or 4), groups = { odd = "n[1,3]" }, gpus_per_host = 2 }
	EOF
	perilune map --topo ./own.lua:n=6 --job dp=4 --hosts @odd --format deepspeed >out \
		2>/dev/null &&
	printf "n1 slots=2\nn3 slots=2\n" | test_cmp - out &&
	mkdir -p "$XDG_CONFIG_HOME/perilune/clusters" &&
	cp own.lua "$XDG_CONFIG_HOME/perilune/clusters/mine.lua" &&
	perilune topo show mine | head -n 1 >out && echo "4 hosts, 8 GPUs" | test_cmp - out
'

command -v mpirun >/dev/null && test_set_prereq MPIRUN

# Starts four ranks on this machine, through a stand-in for ssh that tells which host each is for.
# A rank leaves "RANK HOST" in a file. Open MPI 4.1 hangs one time in thirty when its daemons are
# children of itself: only that is tried again.
start_mpi() {
	OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 timeout 6 mpirun \
		--mca plm_rsh_agent ./agent --mca plm_rsh_no_tree_spawn 1 --oversubscribe \
		-np 4 "$@" "$PWD/rank" </dev/null
}

run_mpi() {
	for try in 1 2 3 4; do
		rm -f rank.*
		start_mpi "$@"
		status=$?
		[ $status -eq 124 ] || break
	done
	[ $status -eq 0 ] && cat rank.* >out
}

test_expect_success MPIRUN "Open MPI puts ranks where the rankfile and the seq file say" '
	cat >agent <<-\EOF &&
	#!/bin/sh
	# agent [-x] HOST COMMAND...
	while [ "${1#-}" != "$1" ]; do shift; done
	MAPPED_HOST=$1
	export MAPPED_HOST
	shift
	exec sh -c "$*"
	EOF
	cat >rank <<-EOF &&
	#!/bin/sh
	cd "$PWD" && echo \$OMPI_COMM_WORLD_RANK \$MAPPED_HOST >rank.\$OMPI_COMM_WORLD_RANK
	EOF
	chmod +x agent rank &&
	echo "return { hosts = \"h[1-3]\", gpus_per_host = 2 }" >own.lua &&
	map="perilune map --topo ./own.lua --hosts h3,h1 --job dp=4 --for mpi" &&
	$map --format rankfile >rf 2>/dev/null && $map --format seq >seq 2>/dev/null &&
	printf "0 h3\n1 h3\n2 h1\n3 h1\n" >expected &&
	run_mpi --host h1:2,h2:2,h3:2 -rf rf && test_cmp expected out &&
	run_mpi --mca rmaps seq --bind-to none --hostfile seq && test_cmp expected out
'

test_done
