#!/bin/sh

test_description='Secrets: found, given to hosts, and nowhere else: no command line, no record'
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen
fleet_start 2 || test_done

word="correct-horse-battery-$$"

cat >uses.lua <<-\EOF
local pl = require "perilune"
return pl.recipe { name = "uses",
  options = { token = { type = "secret", required = true, help = "of the registry" } },
  run = function(t, o)
    print(o.token, t:secret("token") == o.token)
    local r = t.hosts:exec("test ${#TOKEN} -gt 20 && read line && echo got $TOKEN $line; " ..
      "cat /proc/[0-9]*/cmdline >'" .. t:env "PWD" .. "/cmdlines' 2>/dev/null; true",
      { env = { TOKEN = o.token:format("Bearer %s") }, stdin = o.token:format("%s\n") }):must()
    print(r[1].stdout)
    t:note("said %s", r[1].stdout)
    t:metric("length", #o.token:reveal())
    t:attach("said.txt", r[1].stdout .. o.token:reveal())
    t:check(r[1].stdout:find("got Bearer %*+ %*+\n") or r[1].stdout:find "got %*+", "%s", r[1].stdout)
    t.hosts:exec("echo $TOKEN | head -c 10; sleep 0.05; echo $TOKEN | tail -c +11; head -c 2000000 /dev/zero >&2",
      { env = { TOKEN = o.token } }):must()
    t:expect(false, "it was %s", o.token:reveal())
  end }
EOF

run_uses() {
	perilune run -F "$FLEET_SSH_CONFIG" -w "127.1.0.[1-2]" --run-dir "$1" --json "$1.json" \
		--tap "$1.tap" --junit "$1.xml" ./uses.lua $2 >"$1.out" 2>"$1.err"
}

test_expect_success 'a secret comes from the environment, is used there, and is nowhere recorded' '
	export PERILUNE_SECRET_TOKEN="$word" && expect_exit 1 run_uses one &&
	unset PERILUNE_SECRET_TOKEN && cat one.out one.err &&
	grep "^\[secret token\]	true" one.out && grep "got \*\*\*" one.out &&
	grep -a perilune cmdlines >/dev/null && ! grep -a -F "$word" cmdlines &&
	grep "it was \*\*\*" one.err && grep "\[secret token\]" one.json &&
	! grep -r -F "$word" one one.json one.tap one.xml one.out one.err
'

test_expect_success 'also in what the index and the folders of all runs hold' '
	! grep -r -F "$word" "$HOME"
'

test_expect_success 'from a file, from a variable that is named; nowhere is an error before anything runs' '
	printf "%s\n" "$word" >key && expect_exit 1 run_uses two "--token file:key" &&
	! grep -F "$word" two.out two.err &&
	MINE="$word" && export MINE && expect_exit 1 run_uses three "--token env:MINE" && unset MINE &&
	! grep -F "$word" three.out three.err &&
	expect_exit 2 timeout 60 setsid -w perilune run --transport local -w n1 ./uses.lua </dev/null 2>err &&
	grep "secret .token.: .*; set PERILUNE_SECRET_TOKEN" err
'

test_expect_success 'the secret itself is not taken on the command line' '
	expect_exit 2 perilune run --transport local -w n1 ./uses.lua --token "$word" 2>err &&
	grep "never the secret itself" err
'

test_expect_success 'a secret in a command is refused with its line, and the value is not shown' '
	cat >leaks.lua <<-\EOF &&
	return require "perilune".recipe { name = "leaks", options = { how = { type = "int" } },
	  run = function(t, o)
	    local token = t:secret "token"
	    if o.how == 1 then t.hosts:exec("curl -H " .. token:reveal()) end
	    if o.how == 2 then t.hosts:exec { "curl", token } end
	    if o.how == 3 then t.hosts:exec("curl " .. token) end
	    error("boom " .. token:reveal())
	  end }
	EOF
	for how in 1 2 3; do
		expect_exit 2 env PERILUNE_SECRET_TOKEN="$word" perilune run --transport local -w n1 \
			./leaks.lua --how $how >out 2>err && cat err && ! grep -F "$word" out err &&
		grep "leaks.lua:$((how + 3)): .*secret" err || return 1
	done &&
	expect_exit 2 env PERILUNE_SECRET_TOKEN="$word" perilune run --transport local -w n1 \
		./leaks.lua >out 2>err && grep "boom \*\*\*" err && ! grep -F "$word" err
'

test_expect_success 'a rehearsal asks nobody' '
	timeout 60 setsid -w perilune run --sim -w n1 ./leaks.lua --how 0 </dev/null 2>err;
	grep "boom \*\*\*" err
'

if script -qec true /dev/null </dev/null >/dev/null 2>&1; then test_set_prereq SCRIPT; fi

test_expect_success SCRIPT 'on a terminal a person is asked, once, and nothing is shown' '
	: >screen &&
	{ wait_for grep -q "secret .token.: " screen && printf "%s\n" "$word"; } |
		SHELL=/bin/sh timeout 60 script -q -f -c \
		"perilune run --transport local -w n1,n2 ./uses.lua >out" screen >/dev/null &&
	test $(grep -c "secret .token.: " screen) -eq 1 && grep "got" out &&
	! grep -F "$word" screen out
'

test_done
