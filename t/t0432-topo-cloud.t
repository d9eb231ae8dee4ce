#!/bin/sh
# What clouds and schedulers write of a machine, read by the verb topo.
test_description="topo reads topograph, Kubernetes, NetQ, NMX, NCCL and hwloc"
. /usr/share/sharness/sharness.sh

node() { # node NAME LEAF SPINE RACK
	cat <<-EOF
	{"kind": "Node", "metadata": {"name": "$1", "labels": {
	  "fabric.topograph.run/tier-0": "$2", "fabric.topograph.run/tier-1": "$3",
	  "nvidia.com/gpu.clique": "3fbfc98b-7f95-4749-ab11-bd351a2aab3e.$4"}},
	 "status": {"capacity": {"nvidia.com/gpu": "4"}, "allocatable": {"nvidia.com/gpu": "4"},
	            "nodeInfo": {}}}
	EOF
}

test_expect_success "labels of Kubernetes nodes make a machine" '
	{
		echo "{\"items\": [" && node n1 leaf1 spine 1 && echo , && node n2 leaf1 spine 1 &&
		echo , && node n3 leaf2 spine 2 && echo , && node n4 leaf2 spine 2 && echo "]}"
	} >nodes.json &&
	perilune topo show nodes.json >out &&
	grep "^4 hosts, 16 GPUs, 2 NVLink domains" out && grep "kubernetes of" out &&
	grep "^domain .*2 x tray .*nvlink" out && grep "^spine" out
'

test_expect_success "a model of topograph needs only to be told the GPUs" '
	cat >model.yaml <<-\EOF &&
	switches:
	  core: {switches: [leaf1, leaf2]}
	blocks:
	- {switch: leaf1, nodes: ["n[1-8]"]}
	- {switch: leaf2, nodes: ["n[9-16]"]}
	EOF
	expect_exit 2 perilune topo show model.yaml >out 2>err && grep -e "--gpus-per-host" err &&
	perilune topo show --gpus-per-host 8 model.yaml >out &&
	grep "^16 hosts, 128 GPUs, 3 switches" out && grep "^leaf .*8 x host" out
'

test_expect_success "the fabric of NetQ and the domains of NMX are one machine" '
	cat >graph.json <<-\EOF &&
	[{"nodes": [{"compounded_nodes": [
	   {"id": "1", "name": "spine", "tier": 2}, {"id": "2", "name": "leaf1", "tier": 1},
	   {"id": "3", "name": "leaf2", "tier": 1}, {"id": "4", "name": "n1", "tier": -1},
	   {"id": "5", "name": "n2", "tier": -1}]}],
	  "links": [{"id": "4-*-2"}, {"id": "5-*-3"}, {"id": "2-*-1"}, {"id": "3-*-1"}]}]
	EOF
	cat >nmx.json <<-\EOF &&
	[{"Name": "n1", "DomainUUID": "3fbf", "GpuIDList": ["a", "b", "c", "d"], "Health": "HEALTHY"},
	 {"Name": "n2", "DomainUUID": "aaaa", "GpuIDList": ["e", "f", "g", "h"], "Health": "HEALTHY"}]
	EOF
	perilune topo show graph.json nmx.json >out &&
	grep "^2 hosts, 8 GPUs, 2 NVLink domains, 3 switches, 2 adapters" out &&
	grep "^spine .*ethernet" out
'

test_expect_success "what holds no topology is refused, and says what would" '
	echo "{\"provider\": {\"params\": {\"modelFileName\": \"big.yaml\"}}, \"engine\": {}}" \
		>payload.json &&
	expect_exit 2 perilune topo show payload.json >out 2>err && grep "import its model, big.yaml" err &&
	printf "switches:\n  a: {switches: [c]}\n  b:\n    switches:\n    - c\nnodes: {}\n" >bad.yaml &&
	expect_exit 2 perilune topo show bad.yaml >out 2>err && grep "bad.yaml:5: switch .c. is below" err &&
	test_must_be_empty out
'

test_done
