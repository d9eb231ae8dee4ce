#!/bin/sh
# The machines that come with the program: what they count, and that maps can be made on them.
test_description="presets and named clusters"
. /usr/share/sharness/sharness.sh

counts() { # counts NAME LINE
	perilune topo show "$1" >out && head -n 1 out >first && echo "$2" | test_cmp - first
}

test_expect_success "the AI factory on InfiniBand is 18 units of 8 racks" '
	counts ai-factory \
		"2592 hosts, 10368 GPUs, 144 NVLink domains, 216 switches, 10368 adapters" &&
	grep "^su .*8 x rack .* 18 .* 576 .*infiniband .*100 " out &&
	grep "^fabric .*18 x su .*1:1 " out
'

test_expect_success "it is what the preset makes of 144 racks" '
	counts gb300-nvl72:racks=144,su=8 \
		"2592 hosts, 10368 GPUs, 144 NVLink domains, 216 switches, 10368 adapters" &&
	sed -n "/^level/,\$p" out >preset && perilune topo show ai-factory >named &&
	sed -n "/^level/,\$p" named | test_cmp preset -
'

test_expect_success "its twin on Ethernet has three levels of switches on two planes" '
	counts ai-factory-spectrum \
		"2592 hosts, 10368 GPUs, 144 NVLink domains, 1200 switches, 10368 adapters" &&
	grep "^pod .*3 x su .* 6 .* 1728 .*ethernet .*100 " out
'

test_expect_success "the mixed one has an island of InfiniBand and one of Ethernet" '
	counts ai-factory-mixed \
		"2592 hosts, 10368 GPUs, 144 NVLink domains, 420 switches, 10368 adapters" &&
	grep "^site .*2 x island .*12.5 " out && grep "^islands of site: infiniband ethernet" out
'

test_expect_success "Llama 3 has 8 pods of 3,072 GPUs and 1:7 above them" '
	counts llama3-24k "3072 hosts, 24576 GPUs, 3072 NVLink domains, 24576 adapters" &&
	grep "^pod .*192 x rack .* 8 .* 3072 .*1:1 " out &&
	grep "^fabric .*8 x pod .*1:7 " out &&
	counts llama3-24k:pods=2 "768 hosts, 6144 GPUs, 768 NVLink domains, 6144 adapters"
'

test_expect_success "presets of other machines count theirs" '
	counts gb200-nvl72 "144 hosts, 576 GPUs, 8 NVLink domains, 576 adapters" &&
	counts dgx-b300 "64 hosts, 512 GPUs, 64 NVLink domains, 512 adapters" &&
	counts dgx-h100:nodes=128 \
		"128 hosts, 1024 GPUs, 128 NVLink domains, 48 switches, 1024 adapters"
'

test_expect_success "a named machine refuses parameters" '
	expect_exit 2 perilune topo show ai-factory:racks=8 >out 2>err &&
	grep "unknown parameter .racks.; it has none" err
'

test_expect_success "a published layout maps onto the machine it ran on" '
	perilune map --topo llama3-24k --job "tp=8 cp=1 pp=16 dp=128 order=tp-cp-pp-dp" >out 2>err &&
	test "$(wc -l <out)" -eq 16384 && test -z "$(sort out | uniq -d)"
'

test_done
