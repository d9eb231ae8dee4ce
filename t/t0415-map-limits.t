#!/bin/sh
# The verb map, what constrains a map: islands, blocks, hosts with fewer GPUs, spares.
test_description="map: limits"
. /usr/share/sharness/sharness.sh

refused() { # refused STATUS WORDS ARGUMENTS...
	status=$1 words=$2
	shift 2
	expect_exit "$status" perilune "$@" >out 2>err && grep -e "$words" err &&
	test_must_be_empty out
}

# an island of 16 hosts on InfiniBand, one of 16 on Ethernet
cat >mixed.lua <<'EOM'
return {
  name = "mixed", hosts = "ib[01-16],eth[01-16]", gpus_per_host = 4,
  topology = {
    { name = "tray", count = 4, link = "nvlink", bandwidth_gbyte_s = 900 },
    { name = "rack", count = 4, link = "nvlink", bandwidth_gbyte_s = 900 },
    { name = "island", count = 4, bandwidth_gbyte_s = 100 },
    { name = "site", count = 2, link = "ethernet", bandwidth_gbyte_s = 12.5,
      islands = { "infiniband", "ethernet" } },
  },
}
EOM

# groups of BLOCK consecutive ranks of a CSV map that have hosts of both islands
torn() { # torn BLOCK <csv
	awk -F, -v block="$1" '$1 ~ /^[0-9]/ {
		g = int($1 / block); island = substr($2, 1, 1)
		if (g in seen && seen[g] != island) bad[g] = 1
		seen[g] = island
	} END { n = 0; for (g in bad) n++; print n }'
}

test_expect_success "expert groups do not cross between islands, whatever the order gives" '
	for for in torchrun mpi; do
		perilune map --topo mixed.lua --unusable ib03 --job "tp=2 ep=8 dp=60" --for $for \
			--format csv >map.csv 2>err || return 1
		test "$(torn 8 <map.csv)" = 0 || return 1
		grep "only pp and dp may cross between islands; ranks in each: infiniband" err &&
		grep "the order given is no choice: .* groups would cross" err || return 1
	done
'

test_expect_success "--cross allows it" '
	perilune map --topo mixed.lua --unusable ib03 --job "tp=2 ep=8 dp=60" --strategy keep-order \
		--cross pp,dp,ep,tp --format csv >map.csv 2>err && test "$(torn 8 <map.csv)" = 1
'

test_expect_success "an order that is to be kept but crosses is refused" '
	refused 2 "lets the tp group of rank 56 cross between islands" map --topo mixed.lua \
		--unusable ib03 --job "tp=8 dp=15" --strategy keep-order
'

test_expect_success "--islands uses those that are named" '
	perilune map --topo mixed.lua --islands ethernet --job "tp=4 dp=16" --format csv >map.csv &&
	! grep ,ib map.csv && test $(grep -c ,eth map.csv) = 64 &&
	refused 2 "128 ranks need 128 GPUs; 64 are usable on 16 hosts" map --topo mixed.lua \
		--islands ethernet --job "tp=4 dp=32" &&
	refused 2 "did you mean .ethernet" map --topo mixed.lua --islands ethrnet --job dp=4 &&
	refused 2 "has no islands" map --topo dgx-h100 --islands ethernet --job dp=8
'

test_expect_success "groups that no island holds are refused with sizes that fit" '
	refused 2 "no island has room left for 128 ranks.*ep=64 would fit" \
		map --topo mixed.lua --job "ep=128 dp=128"
'

test_expect_success "a map made elsewhere that lets groups cross is told so" '
	seq 4 11 >given && seq 60 67 >>given &&
	perilune map --topo mixed.lua --job "tp=8 dp=2" --evaluate given >out &&
	grep "1 tp group crosses between islands, where only pp and dp may" out
'

test_expect_success "a repair does not leave the island" '
	perilune map --topo mixed.lua --job "tp=4 dp=16" --format json -o map.json &&
	refused 2 "no spare for rank 8 .* in its island" map --topo mixed.lua --job "tp=4 dp=16" \
		--previous map.json --failed ib03
'

test_expect_success "--keep-blocks keeps ranks on GPUs that follow each other" '
	perilune map --topo mixed.lua --unusable ib01:1 --job "tp=2 dp=40" --for mpi --keep-blocks 2 \
		--format csv >map.csv 2>err &&
	awk -F, "\$1 ~ /^[0-9]/ { if (\$1 % 2 == 1 && \$2 != host) bad = 1; host = \$2 }
	         END { exit bad }" map.csv &&
	refused 2 "blocks of 3 ranks do not divide 80 ranks: 78 or 81" map --topo mixed.lua \
		--job "tp=2 dp=40" --keep-blocks 3
'

test_expect_success "a tray with fewer GPUs is left out where hosts must be equal, and named" '
	perilune map --topo mixed.lua --unusable ib02:3 --job "tp=4 dp=31" --format csv >map.csv 2>err &&
	grep "torchrun needs equally many ranks on every host (4 here): ib02 has fewer" err &&
	! grep ,ib02, map.csv &&
	perilune map --topo mixed.lua --unusable ib02:3 --job "dp=127" --for mpi --format csv >map.csv &&
	test $(grep -c ,ib02, map.csv) = 3
'

test_expect_success "spares are the last hosts, or the last of each rack" '
	perilune map --topo mixed.lua --job "tp=4 dp=28" --spares 4 >map 2>err &&
	grep "spares kept free: eth\[13-16\]" err &&
	perilune map --topo mixed.lua --job "tp=4 dp=24" --spares 1/rack >map 2>err &&
	grep "spares kept free: .*ib\[04,08,12,16\]" err
'

cat >railed.lua <<'EOM'
return {
  name = "railed", hosts = "h[1-8]", gpus_per_host = 4, rails = { ["h[2-3]"] = { 1, 0, 2, 3 } },
  topology = {
    { name = "host", count = 4, link = "nvlink", bandwidth_gbyte_s = 900 },
    { name = "su", count = 4, bandwidth_gbyte_s = 100, rails = 4 },
    { name = "fabric", count = 2, bandwidth_gbyte_s = 100, oversubscription = 4 },
  },
}
EOM

test_expect_success "a rank keeps its rail: GPUs of a host with swapped rails are swapped" '
	perilune map --topo railed.lua --job "tp=4 dp=8" --format torchrun >out 2>err &&
	grep "^h2.CUDA_VISIBLE_DEVICES=1,0,2,3 " out && grep "^h4.CUDA_VISIBLE_DEVICES=0,1,2,3 " out &&
	grep "GPUs of h\[2-3\] are taken in the order of its rails" err &&
	perilune map --topo railed.lua --job "tp=4 dp=8" --explain >out &&
	grep "^ranks off their rail: none" out
'

test_expect_success "where the launcher cannot swap them, it is said who is off its rail" '
	perilune map --topo railed.lua --job "tp=4 dp=8" --for deepspeed >out 2>err &&
	grep "rails of h\[2-3\] are swapped, and deepspeed takes GPUs by their index" err &&
	grep "4 of 32 ranks are off the rail of their dp-cp group" err &&
	perilune map --topo railed.lua --job "tp=4 dp=8" --for deepspeed --explain >out &&
	grep "^ranks off their rail: dp-cp 4 -> 4" out
'

test_expect_success "islands and swapped rails survive an import" '
	perilune topo import mixed.lua -o mixed-again.lua &&
	grep "islands = { .infiniband., .ethernet. }" mixed-again.lua &&
	perilune topo import railed.lua -o railed-again.lua &&
	grep "rails = .h2:1/0/2/3,h3:1/0/2/3" railed-again.lua &&
	perilune map --topo railed-again.lua --job "tp=4 dp=8" >again &&
	perilune map --topo railed.lua --job "tp=4 dp=8" >map && test_cmp map again &&
	sed "s/{ 1, 0, 2, 3 }/{ 1, 0, 2 }/" railed.lua >bad.lua &&
	refused 2 "the host and the rail of each of its 4 GPUs, from 0 to 3" map --topo bad.lua --job dp=4
'

test_expect_success "another job keeps its GPUs, and what it sends makes uplinks slower" '
	perilune map --topo railed.lua --hosts "h[1,5]" --job "tp=4 dp=2" --format json -o first &&
	perilune map --topo railed.lua --occupied first --job "tp=4 dp=6" --format csv >second.csv 2>err &&
	grep "8 GPUs are those of the job in first" err && ! grep ",h[15]," second.csv &&
	refused 2 "28 ranks need 28 GPUs; 24 are usable" map --topo railed.lua --occupied first \
		--job "tp=4 dp=7" &&
	refused 2 "is taken by two jobs" map --topo railed.lua --occupied first --occupied first \
		--job dp=4 &&
	perilune map --topo railed.lua --hosts "h[1,5]" --job "tp=4 dp=2" -o plain &&
	perilune map --topo railed.lua --occupied plain --job "tp=4 dp=6" >map 2>err &&
	grep "only a map in JSON tells the job" err
'

test_expect_success "several jobs have GPUs of their own, a map each" '
	set -- --topo railed.lua --job "tp=4 dp=3" --job "tp=4 dp=2" --job "tp=2 dp=2" &&
	perilune map "$@" --format csv -o of-%j.csv 2>err &&
	grep "job 2 of 3: its step takes" err &&
	cat of-1.csv of-2.csv of-3.csv | grep -v ^rank >all && test_line_count = 24 all &&
	cut -d, -f2,3 all | sort -u >places && test_line_count = 24 places &&
	perilune map "$@" >vectors && grep "^# job 3 of 3: tp=2 dp=2$" vectors &&
	test "$(grep -vc "^#" vectors)" -eq 24 &&
	perilune map "$@" --format json >array &&
	python3 -c "
import json
maps = json.load(open(\"array\"))
assert [len(m[\"ranks\"]) for m in maps] == [12, 8, 4]
assert all(m[\"cost\"][\"step\"] >= m[\"alone\"][\"step\"] * 0.999999 for m in maps)
" &&
	perilune map "$@" --explain >out && grep "^# job 2 of 3: tp=4 dp=2$" out &&
	refused 2 "job 2 (tp=4" map --topo railed.lua --job "tp=4 dp=4" --job "tp=4 dp=5" &&
	refused 2 "is for one --job, there are 2" map --topo railed.lua --job dp=4 --job dp=4 \
		--spares 1 &&
	refused 2 "a picture is of one job" map --topo railed.lua --job dp=4 --job dp=4 --format svg
'

test_expect_success "a list of stages in --job keeps its commas" '
	perilune map --topo railed.lua --job "pp=3 dp=8 layers=32 layers_per_stage=10,12,10" >map &&
	test_line_count = 24 map
'

test_done
