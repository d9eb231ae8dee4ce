#!/bin/sh

test_description='The recipe ring-allreduce: mapped, staged, launched, checked, measured, gated'
. /usr/share/sharness/sharness.sh

# json_holds FILE EXPRESSION: an expression of Lua over r, what the file holds, is true.
json_holds() {
	perilune _lua "$PERILUNE_SRCDIR/t/fixtures/json_holds.lua" "$1" "$2"
}

skip_all_without cc sha256sum


test_expect_success 'on local it runs, and says that placement cannot be checked' '
	perilune run --run-dir on-local --transport local -w n[1-16] ring-allreduce --bytes 64K \
		>out 2>err &&
	grep "placement is not checked: over local every host is this machine" err &&
	json_holds on-local/report.json "r.points[1].metrics[1].name == [[busbw]]" &&
	json_holds on-local/report.json "r.points[1].metrics[1].median > 0"
'

test_expect_success 'the map is attached and has every rank where it should be' '
	json_holds on-local/attachments/map.json \
		"#r.ranks == 64 and r.ranks[6].host == [[n2]] and r.ranks[6].gpu == 1"
'

test_expect_success 'a floor that is not reached exits 99' '
	expect_exit 99 perilune run --transport local -w n[1-2] ring-allreduce --hosts 2 --slots 2 \
		--bytes 4K --floor 1000000 2>err &&
	grep "gate busbw: BREACHED" err
'

test_expect_success 'too few hosts fail before anything is started' '
	expect_exit 1 perilune run --transport local -w n[1-2] ring-allreduce 2>err &&
	grep "16 hosts are needed and 2 were given" err
'

test_expect_success 'a rank that dies ends the others and is named' '
	cat >dies.lua <<-\EOF &&
	local pl = require "perilune"
	return pl.recipe { name = "dies", run = function(t)
	  local map = t:map(t.hosts, { dp = 8 }, { gpus_per_host = 2 }):must()
	  local out = t:launch(map, { cmd =
	    "if [ $RANK = 5 ]; then echo giving up >&2; exit 7; fi; exec sleep 1000" }):wait()
	  t:check(not out.ok and out.phase == "run", "phase %s", out.phase)
	  t:check(out.first.rank == 5 and out.first.host == "n3", "rank %s", out.first.rank)
	  t:check(out.first.tail == "giving up", "tail %s", out.first.tail)
	  t:check(out:rank(0).outcome == "canceled", "rank 0: %s", out:rank(0).outcome)
	  out:must()
	end }
	EOF
	expect_exit 1 perilune run --transport local -w n[1-4] ./dies.lua 2>err &&
	grep "command: rank 5 on n3: .*7" err &&
	! grep "check failed" err
'

test_expect_success 'ranks have the variables of torchrun' '
	cat >vars.lua <<-\EOF &&
	local pl = require "perilune"
	return pl.recipe { name = "vars", run = function(t)
	  local map = t:map(t.hosts, { dp = 4 }, { gpus_per_host = 2 }):must()
	  local out = t:launch(map, { env = { MINE = 1 }, cmd = "echo rank=$RANK local=$LOCAL_RANK " ..
	    "group=$GROUP_RANK world=$WORLD_SIZE per=$LOCAL_WORLD_SIZE addr=$MASTER_ADDR " ..
	    "port=$MASTER_PORT mine=$MINE" }):wait():must()
	  for _, row in ipairs(out:parse("key=value"):must()) do
	    print(row.rank, row["local"], row.group, row.world, row.per, row.addr, row.mine)
	    assert(row.port >= 20000 and row.port <= 29999)
	  end
	end }
	EOF
	perilune run --transport local -w n[1-2] ./vars.lua >out 2>err &&
	printf "%s\t%s\t%s\t4\t2\t127.0.0.1\t1\n" 0 0 0 1 1 0 2 0 1 3 1 1 >expected &&
	test_cmp expected out
'

test_expect_success 'a port that is taken is tried again with another' '
	cat >port.lua <<-\EOF &&
	local pl = require "perilune"
	return pl.recipe { name = "port", run = function(t)
	  local map = t:map(t.hosts, { dp = 2 }, { gpus_per_host = 1 }):must()
	  local out = t:launch(map, { port_taken = 98, cmd =
	    "case $PERILUNE_JOB in *.1) [ $RANK != 0 ] || exit 98; exec sleep 1000 ;; esac" }):wait():must()
	  t:check(out.starts == 2, "%d starts", out.starts)
	end }
	EOF
	perilune run --transport local -w a,b ./port.lua
'

# Folders of staged files have plain names, which the test's own folder has not.
STAGE_DIR=$(mktemp -d /tmp/perilune-test.XXXXXX) && export STAGE_DIR
cleanup 'rm -rf "$STAGE_DIR"'

test_expect_success 'a file is staged once, by its checksum' '
	echo "content $$" >data.txt &&
	cat >stage.lua <<-\EOF &&
	local pl = require "perilune"
	return pl.recipe { name = "stage", run = function(t)
	  local dir = t:env "STAGE_DIR"
	  local first = t:stage("data.txt", { dir = dir }):must()
	  local again = t:stage("data.txt", { dir = dir }):must()
	  print(#t.hosts, first.sent > 0, again.sent, again.path == first.path)
	  t:check(t.hosts:exec("cat " .. first.path)[1].stdout == t:read "data.txt", "another content")
	end }
	EOF
	perilune run --transport local -w a,b,c ./stage.lua >out &&
	printf "3\ttrue\t0\ttrue\n" >expected &&
	test_cmp expected out
'

test_expect_success 'a program is compiled there where the machine is of another type, once' '
	mkdir bin &&
	printf "#!/bin/sh\necho Plan9 mips\n" >bin/uname && chmod +x bin/uname &&
	echo "int main(void) { return 42; }" >answer.c &&
	cat >build.lua <<-\EOF &&
	local pl = require "perilune"
	return pl.recipe { name = "build", run = function(t)
	  local opts = { build = "cc -o answer answer.c", name = "answer", dir = t:env "STAGE_DIR" }
	  local first, again = t:stage("answer.c", opts):must(), t:stage("answer.c", opts):must()
	  print(first.built > 0, again.built, first.sent, t.hosts:exec { first.path }[1].code)
	end }
	EOF
	PATH="$PWD/bin:$PATH" perilune run --transport local -w a,b ./build.lua >out &&
	printf "true\t0\t0\t42\n" >expected &&
	test_cmp expected out
'

test_expect_success 'a source that does not compile says what the compiler said' '
	echo "int main(void) { return answer; }" >answer.c &&
	expect_exit 1 env perilune run --transport local -w a ./build.lua 2>err &&
	grep "answer.*undeclared" err
'

test_expect_success 'on the simulated fleet it runs unchanged' '
	perilune run --sim -w n[1-256] ring-allreduce --hosts 256 2>err &&
	grep "ring-allreduce on 256 hosts: 1 pass" err
'

# ---- over real SSH ----

if [ -x /usr/sbin/sshd ] && command -v ssh-keygen >/dev/null && fleet_start 16; then
	test_set_prereq SSHD
else
	echo "# skipped over ssh: no sshd (apt-get install openssh-server)"
fi

test_expect_success SSHD 'over ssh 64 ranks on 16 hosts run, each where the map says' '
	perilune run --run-dir on-ssh -F "$FLEET_SSH_CONFIG" -w 127.1.0.[1-16] ring-allreduce \
		--bytes 64K --floor 0.000001 2>err &&
	json_holds on-ssh/report.json "r.points[1].verdict == [[pass]] and #r.points[1].checks == 0" &&
	json_holds on-ssh/report.json "r.points[1].gates[1].status == [[pass]]" &&
	! grep "placement is not checked" err
'

test_expect_success SSHD 'two hosts that are swapped fail the check' '
	{
		printf "Host 127.1.0.1\n\tHostName 127.1.0.2\nHost 127.1.0.2\n\tHostName 127.1.0.1\n"
		cat "$FLEET_SSH_CONFIG"
	} >swapped &&
	expect_exit 1 perilune run -F swapped -w 127.1.0.[1-4] ring-allreduce --hosts 4 --bytes 4K 2>err &&
	grep "rank 0 ran on 127.1.0.2, the map says 127.1.0.1" err &&
	grep "rank 4 ran on 127.1.0.1, the map says 127.1.0.2" err &&
	! grep "rank 8 ran" err
'

# Other tests run rings at the same time: ours have the ids of our runs in their tags.
none_of_ours() {
	! cat /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' | grep '^PERILUNE_TASK=' | grep -qFf ids
}

test_expect_success SSHD 'nothing of it is left running' '
	ls "$XDG_STATE_HOME/perilune/runs" >ids && test -s ids && wait_for none_of_ours
'

test_done
