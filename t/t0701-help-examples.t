#!/bin/sh

test_description='Every example of every --help works as it stands

Hosts are those of a simulated fleet, which the configuration chooses: the words are read by the
program itself. What needs more than that is named below, with the reason.'
. /usr/share/sharness/sharness.sh

mkdir -p "$XDG_CONFIG_HOME/perilune" dataset releases results &&
echo 'return { transport = "sim" }' >"$XDG_CONFIG_HOME/perilune/config.lua" &&
echo "node[1-4]" >hosts.txt && echo text >motd && echo 1 >input.dat && echo true >run.sh &&
mkdir recipes && cp "$PERILUNE_SRCDIR"/recipes/hello*.lua recipes/

# The examples of all verbs, a line each.
examples() {
	perilune --help | sed -n '/^VERBS/,/^$/s/^  \([a-z][a-z]*\)  .*/\1/p' >verbs &&
	while read -r verb; do
		perilune help "$verb" | sed '1,/^EXAMPLES/d; s/^  //; /^$/d'
	done <verbs
}

# Not run here, each for a reason; tests of their own have them.
cat >elsewhere <<-\END
perilune pull -w node[1-64] '/var/log/*.log' logs/%h/	simulated hosts have no files
perilune pull -w node[1-64] /etc/os-release releases/	simulated hosts have no files
perilune pull -w node7 results .	simulated hosts have no files
perilune run --transport local -w node[1-4] ring-allreduce --hosts 4	a compiler: t0520, t0700
perilune reap last	simulated hosts keep nothing: t0688
perilune reap --dry-run 20261122-0930	a run of that day: t0688
perilune reap -w node[1-64] 20261122-093012-1f2e3d	a run of that day: t0688
perilune doctor -q -w node[1-64]	real hosts: t0682
perilune resume	an interrupted run: t0801
perilune resume --redo 20261122-0930	a run of that day: t0801
perilune logs --rank 0 20261122-0930	a run of that day: t0860
perilune cancel --grace 5s 20261122-0930	a run of that day: t0860
perilune test --seed 7 --faults rough mine.test.lua	a file of one's own: t0571
perilune repl -w node[1-4]	a terminal: t0560
perilune topo show ibnetdiscover.txt smi/*.xml	files of a machine: t0431
perilune topo calibrate last --topo ai-factory -o calibrated.lua	a run with timings: t0433
perilune topo show smi/%h.xml r001t01=tray.xml	files of a machine: t0431
perilune topo probe -w r[001-144]t[01-18] --sudo -o machine.lua	real hosts: t0434
perilune topo import /etc/slurm/topology.conf --gpus-per-host 4 -o machine.lua	Slurm: t0431
perilune map --topo cluster.lua --groups groups.json --job 'hidden=8192 layers=64'	groups of a job: t0410
END
cut -f1 elsewhere >not-here

test_expect_success 'there are examples of most verbs, and those named above are among them' '
	examples >all && test_line_count -ge 25 all && cat all &&
	while read -r line; do grep -qxF "$line" all || { echo "gone: $line"; return 1; }; done <not-here
'

# Runs of the day, for the verbs that look back.
test_expect_success 'all others succeed' '
	perilune run -w node[1-4] hello 2>/dev/null && grep -vxF -f not-here all >run-here &&
	test_line_count -ge 15 run-here && failed= &&
	while read -r line; do
		timeout 120 sh -c "$line" </dev/null >out 2>err && continue
		echo "failed: $line" && cat err && failed=yes
	done <run-here && test -z "$failed"
'

test_done
