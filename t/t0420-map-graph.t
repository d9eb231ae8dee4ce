#!/bin/sh
# The verb map for communication graphs.
test_description="map --comm"
. /usr/share/sharness/sharness.sh

refused() { # refused STATUS WORDS ARGUMENTS...
	status=$1 words=$2
	shift 2
	expect_exit "$status" perilune map "$@" >out 2>err && grep -e "$words" err &&
	test_must_be_empty out
}

# Eight ranks in pairs 0-4, 1-5, 2-6, 3-7, in the three formats.
test_expect_success "a graph is read in each of its formats" '
	printf "8 4 001\n5 9\n6 9\n7 9\n8 9\n1 9\n2 9\n3 9\n4 9\n" >pairs.graph &&
	printf "src,dst,bytes\n0,4,4\n4,0,5\n1,5,9\n6,2,9\n3,7,9\n" >pairs.csv &&
	printf "%%%%MatrixMarket matrix coordinate integer general\n8 8 4\n1 5 9\n6 2 9\n3 7 9\n4 8 9\n" \
		>pairs.mtx &&
	for file in pairs.graph pairs.csv pairs.mtx; do
		perilune map --tree 2:4 --distance 1:5 --comm $file >map &&
		perilune map --tree 2:4 --distance 1:5 --comm $file --evaluate map >score &&
		grep "^x distance *180 *36$" score || return 1
	done &&
	perilune map --tree 2:4 --distance 1:5 --comm pairs.csv --format rankfile >rankfile &&
	perilune map --tree 2:4 --distance 1:5 --comm pairs.csv --evaluate rankfile >score &&
	grep "^x distance *180 *36$" score
'

test_expect_success "a vector has each usable GPU once, the same for the same seed" '
	awk "BEGIN { n = 30; for (i = 0; i < n; i++) for (k = 0; k < n; k++) {
		if (i + 1 < n) print i * n + k \",\" i * n + k + n \",1\"
		if (k + 1 < n) print i * n + k \",\" i * n + k + 1 \",1\" } }" >grid.csv &&
	set -- --tree 4:10:23 --distance 1:3:10 --unusable "n3,n5:0,n7:1-2" --comm grid.csv &&
	perilune map "$@" >one && perilune map "$@" --seed 1 >two && test_cmp one two &&
	test "$(sort -n one | uniq | wc -l)" -eq 900 &&
	! grep -E "^(12|13|14|15|20|29|30)$" one &&
	perilune map "$@" --evaluate one >score && grep "^This map costs [1-6][0-9]\." score
'

test_expect_success "--explain tells levels before and after, beside a map a comment" '
	perilune map --tree 2:4 --distance 1:5 --comm pairs.csv --explain >out 2>err &&
	test_must_be_empty err && grep "^host .* 1 *0 *36$" out &&
	perilune map --tree 2:4 --distance 1:5 --comm pairs.csv --explain --format csv >out 2>err &&
	grep "^0,n" out && grep "^x distance" err
'

test_expect_success "json has J before and after and the bound" '
	perilune map --tree 2:4 --distance 1:5 --comm pairs.csv --format json -o map.json &&
	python3 -c "
import json
m = json.load(open(\"map.json\"))
assert sorted(r[\"pe\"] for r in m[\"ranks\"]) == list(range(8))
assert m[\"cost\"][\"weighted\"] == 36 and m[\"baseline\"][\"weighted\"] == 180
assert m[\"lower_bound\"][\"weighted\"] == 36 and m[\"cost\"][\"volume\"][\"host\"] == 36
"
'

test_expect_success "what is wrong with a graph or a map is told with its line" '
	printf "3 2\n2\n1\n2\n" >bad.graph &&
	refused 2 "map: bad.graph:.*3 neighbours are listed" --tree 4:2 --distance 1:2 \
		--comm bad.graph &&
	refused 2 "cannot open nowhere" --tree 4:2 --distance 1:2 --comm nowhere &&
	refused 2 "8 ranks but only 6 GPUs" --tree 2:3 --distance 1:2 --comm pairs.csv &&
	printf "0\n1\n1\n" >twice &&
	refused 2 "twice:3: rank 2 is on GPU 1 of n0, where rank 1 is (line 2)" --tree 2:4 \
		--distance 1:2 --comm pairs.csv --evaluate twice
'

test_expect_success "options that do not go together are refused" '
	refused 2 "give one" --tree 4:2 --distance 1:2 --comm pairs.csv --job dp=4 &&
	refused 2 "strategy goes with --job" --tree 4:2 --distance 1:2 --comm pairs.csv \
		--strategy aligned &&
	refused 2 "normal" --tree 4:2 --distance 1:2 --comm pairs.csv --effort norml
'

test_expect_success "a graph comes from standard input too" '
	perilune map --tree 2:4 --distance 1:5 --comm - <pairs.csv >out && test_line_count = 8 out
'

test_done
