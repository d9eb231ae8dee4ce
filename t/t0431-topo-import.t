#!/bin/sh
# Files of other programs as the machine: topo show, topo import, map --topo, topology.from.
test_description="topologies are imported"
. /usr/share/sharness/sharness.sh

fixtures=$PERILUNE_SRCDIR/t/fixtures

refused() { # refused STATUS WORDS ARGUMENTS...
	status=$1 words=$2
	shift 2
	expect_exit "$status" perilune "$@" >out 2>err && grep -e "$words" err &&
	test_must_be_empty out
}

# Everything but where it came from and what it is called.
same_machine() {
	grep -v -e "^source:" -e ": hosts " "$1" >left && grep -v -e "^source:" -e ": hosts " "$2" >right &&
	test_cmp left right
}

test_expect_success "what cannot be read is told" '
	echo "SwitchName=a Nods=n1" >typo.conf && echo nothing >nothing &&
	refused 2 "typo.conf:1: .Nods. is no key" topo show typo.conf --gpus-per-host 4 &&
	refused 2 "no topology format that is known" topo show ./nothing &&
	refused 2 "did you mean .slurm-scontrol" topo show nothing --format slurm-scontro &&
	refused 2 "no switch and no block" topo show /dev/null --format slurm-scontrol &&
	refused 2 "say --gpus-per-host" topo show "$fixtures/slurm-topology.conf" &&
	refused 2 "there is no file .gone" topo show "$fixtures/slurm-topology.conf" gone &&
	refused 2 "did you mean .topograph-yaml" topo import loopback --to topograph-yml &&
	refused 2 "did you mean .import" topo inport x
'

test_expect_success "topo show begins with the counts and says where they are from, and when" '
	cp "$fixtures/slurm-topology.conf" . && touch -d "2026-01-02 03:04 UTC" slurm-topology.conf &&
	perilune topo show slurm-topology.conf --gpus-per-host 4 >out 2>err &&
	echo "17 hosts, 68 GPUs, 6 switches" >expected && head -n 1 out | test_cmp expected - &&
	grep "^source: slurm-topology.conf (slurm-topology-conf of 2026-01-02 03:04 UTC, .* old)" out &&
	grep "GPUs of 17 hosts guessed: 4 each; no source tells whether 68 GPUs are well" out &&
	grep "^leaf .*<= 8 x host" out &&
	grep "what is known of leaf switch is [0-9]* days old (slurm-topology.conf): probe again" err &&
	touch slurm-topology.conf && perilune topo show slurm-topology.conf --gpus-per-host 4 2>err &&
	test_must_be_empty err
'

test_expect_success "standard input is a file too" '
	perilune topo show - --gpus-per-host 4 <"$fixtures/slurm-scontrol.txt" >out 2>err &&
	head -n 1 out | test_cmp expected - && grep "^source: standard input (slurm-scontrol)" out
'

test_expect_success "a machine comes back the same from the cluster file it is written to" '
	for name in "$fixtures/slurm-topology.conf" gb300-nvl72:racks=5,su=2 dgx-h100:nodes=4; do
		perilune topo show "$name" --gpus-per-host 4 >before &&
		perilune topo import "$name" --gpus-per-host 4 --unusable "" -o back.lua &&
		perilune topo show ./back.lua >after && same_machine before after || return 1
	done
'

test_expect_success "broken and missing GPUs survive the cluster file" '
	cat >uneven.lua <<-\EOF &&
	return { hosts = "n[1-5]", gpus_per_host = 4, missing = "n2:3", unusable = "n4:0-1",
	  topology = { { name = "tray", count = 4, distance = 1, link = "nvlink" },
	    { name = "rack", units = { "n[1-3]", "n[4-5]" }, distance = 1, link = "nvlink" },
	    { name = "fabric", distance = 10 } } }
	EOF
	perilune topo show ./uneven.lua >before && head -n 1 before >line &&
	echo "5 hosts, 19 GPUs, 2 NVLink domains, 2 GPUs unusable" | test_cmp - line &&
	perilune topo import ./uneven.lua -o back.lua && perilune topo show ./back.lua >after &&
	same_machine before after &&
	perilune map --topo ./uneven.lua --job "dp=17" --for mpi >vector 2>err &&
	grep "2 unusable GPUs are left out" err && ! grep -x -e 7 -e 12 -e 13 vector
'

test_expect_success "units of a cluster file that are no units are refused" '
	sed "s/n\[4-5\]/n[3-5]/" uneven.lua >twice.lua &&
	refused 2 "n3 is in two units" topo show ./twice.lua &&
	sed "s/\"n\[1-3\]\", \"n\[4-5\]\"/\"n[1,3]\", \"n[2,4-5]\"/" uneven.lua >apart.lua &&
	refused 2 "must follow each other" topo show ./apart.lua &&
	sed "s/n\[4-5\]/n[4-6]/" uneven.lua >more.lua &&
	refused 2 "n6 is none of the hosts" topo show ./more.lua
'

test_expect_success "Slurm reads back what is written for it" '
	perilune topo show "$fixtures/slurm-topology.conf" --gpus-per-host 4 >before &&
	for to in slurm-topology-conf slurm-topology-yaml; do
		perilune topo import "$fixtures/slurm-topology.conf" --gpus-per-host 4 --to $to -o back &&
		perilune topo show back --gpus-per-host 4 >after 2>err &&
		grep "^leaf\|^spine\|^core" before >left && grep "^leaf\|^spine\|^core" after >right &&
		test_cmp left right && test_must_be_empty err || return 1
	done
'

test_expect_success "topograph has the same NVLink domains and switches" '
	perilune topo import gb300-nvl72:racks=5,su=2 --to topograph-yaml -o model &&
	perilune topo show model --gpus-per-host 4 >out 2>err && test_must_be_empty err &&
	grep "^90 hosts, 360 GPUs, 5 NVLink domains" out && grep "^leaf .* 3  .*144" out &&
	perilune topo import "$fixtures/slurm-topology.conf" --gpus-per-host 4 --to topograph-yaml \
		-o model && perilune topo show model --gpus-per-host 4 >out &&
	grep "^17 hosts, 68 GPUs" out && grep "^leaf .*<= 8 x host *4  " out
'

test_expect_success "several files are one machine, and what contradicts is told" '
	echo "BlockName=x Nodes=r001t[01-04]
BlockName=y Nodes=r002t[01-04],r003t[01-04],r004t[01-02],r004t04,login[1-2]" >blocks.conf &&
	perilune topo show "$fixtures/slurm-topology.conf" blocks.conf --gpus-per-host 4 >out 2>err &&
	grep "below leaf switch leaf1 and leaf2: the two are taken as one" err &&
	grep "source: .*slurm-topology.conf.*, blocks.conf" out
'

test_expect_success "map takes any of them, and says what it took for granted" '
	perilune map --topo "$fixtures/slurm-topology.conf" --gpus-per-host 4 \
		--job "tp=4 dp=17" --explain >out 2>err &&
	tr -s " \n" " " <out | grep "topology [^ ]*slurm-topology.conf (slurm-topology-conf of " &&
	grep "GPUs  *guessed, 4 on hosts of which no file tells" out &&
	perilune map --topo "$fixtures/slurm-topology.conf,blocks.conf" --gpus-per-host 4 \
		--job "tp=4 dp=17" --for mpi >vector 2>err && test "$(sort -u vector | wc -l)" -eq 68
'

# tray FILE DOMAIN: what nvidia-smi -q -x says on a host of one GPU
tray() {
	cat >"$1" <<-END
	<nvidia_smi_log><gpu id="0"><fabric><state>Completed</state><status>Success</status>
	<cliqueId>1</cliqueId><clusterUuid>$2</clusterUuid></fabric></gpu></nvidia_smi_log>
	END
}

test_expect_success "files of single hosts are of the host that the word says" '
	mkdir -p smi each/n5 && tray a aaaa && tray b aaaa && tray smi/n3.x.xml bbbb &&
	tray smi/10.0.0.7.x.xml bbbb && tray smi/n4.out cccc && tray each/n5/q.xml cccc &&
	: >smi/n9.out && echo "no file" >smi/n4.err &&
	perilune topo show n1=a n2=b "smi/%h.x.xml" smi/ "each/%h/q.xml" >out.txt 2>err &&
	grep "hosts 10.0.0.7,n\[1-5\]," out.txt &&
	grep "^6 hosts, 6 GPUs, 3 NVLink domains" out.txt &&
	perilune map --topo "n1=a,n2=b,smi/%h.x.xml" --job "dp=4" --for mpi >vector &&
	test "$(sort -u vector | wc -l)" -eq 4 &&
	refused 2 "there is no file .n1=gone" topo show n1=gone n2=b &&
	refused 2 "there is no file .each/%h.xml" topo show "each/%h.xml" a
'

test_expect_success "what is so on many hosts is told once" '
	for i in 1 2 3 4; do sed "s/Success/Insufficient Resources/" a >smi/k$i.xml || return 1; done &&
	sed "s|</fabric>|<health><summary>Unhealthy</summary></health></fabric>|" a >smi/k5.xml &&
	cp smi/k5.xml smi/k7.xml && perilune topo show smi/k?.xml >out.txt 2>err &&
	grep "k\[5,7\]: GPU 0 is unusable: NVLink fabric: Unhealthy" err
'

test_expect_success "a machine file says how old it is" '
	touch -d "10 days ago" smi/n3.x.xml && perilune topo import "smi/%h.x.xml" -o old.lua 2>err &&
	grep "what is known of GPUs is 10 days old" err &&
	perilune topo show ./old.lua >out.txt 2>err &&
	grep "^source: cluster file ./old.lua: smi/%h.x.xml of 2 hosts .* 10 days old)" out.txt &&
	grep "10 days old (smi/%h.x.xml of 2 hosts): probe again" err &&
	perilune map --topo ./old.lua --job "dp=2" --for mpi --explain >out.txt 2>err &&
	grep "topology .*cluster file ./old.lua: smi/%h" out.txt && grep "10 days old" out.txt &&
	test "$(grep -c "probe again" err)" = 1 && ! grep "probe again\|nothing was probed" out.txt
'

test_expect_success "a machine file that was edited wrongly says where, and what may stand there" '
	cp old.lua edited.lua && sed -i "s/from = [0-9]*/from = \"May\"/" edited.lua &&
	refused 2 "facts.1.: from must be integer, not string; .perilune topo. writes it" topo show \
		./edited.lua &&
	sed "s/fact = /fakt = /" old.lua >edited.lua &&
	refused 2 "facts.1.: unknown key .fakt. (did you mean .fact.?)" topo show ./edited.lua &&
	sed "s/hosts = \"[^\"]*\", from/hosts = \"n[\", from/" old.lua >edited.lua &&
	refused 2 "facts.1.: hosts: " topo show ./edited.lua &&
	sed "s/inventory = {/inventory = { 3,/" old.lua >edited.lua &&
	refused 2 "inventory.1.: a number, not a table" topo show ./edited.lua
'

test_expect_success "a cluster takes its topology from a file beside it" '
	mkdir -p site && cp "$fixtures/slurm-topology.conf" site/t.conf &&
	cat >site/c.lua <<-\EOF &&
	return { hosts = "r[001-003]t[01-04]", gpus_per_host = 4, topology = { from = "t.conf" } }
	EOF
	perilune topo show site/c.lua >out 2>err &&
	grep "^17 hosts, 68 GPUs, 6 switches, 20 GPUs unusable" out &&
	grep "but no hosts of cluster" err &&
	sed "s/003/005/" site/c.lua >site/d.lua &&
	refused 2 "says nothing of r004t03,r005t" topo show site/d.lua
'

test_done
