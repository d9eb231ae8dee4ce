#!/bin/sh
# What a command gets by its environment reaches it over SSH, and is on no command line meanwhile.
test_description="environments over SSH"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen

fleet_start 4 || test_done

# runs TRANSPORT RECIPE: on one host, with this recipe in a file.
runs() { timeout 60 perilune run -F "$FLEET_SSH_CONFIG" --transport "$1" -w 127.1.0.1 "$2" >out 2>err; }

# Everything that ps could show, over and over, until the file `seen` is there.
cat >watch <<'END'
echo >"$1/watching"
until [ -e "$1/seen" ]; do cat /proc/[0-9]*/cmdline; done 2>/dev/null | tr '\0' ' ' >"$1/cmdlines"
END

cat >secret.lua <<END
local pl = require "perilune"
return pl.recipe { name = "secret", summary = "Has secrets.", run = function(t)
  local env = { ["HIDDEN_NAME"] = "hidden-" .. "value", OTHER = "hidden-'quoted' \\\\ \\n line" }
  local look = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\\\0' ' ' >$FLEET_DIR/own; " ..
    "printenv HIDDEN_NAME OTHER"
  for _ = 1, 40 do -- often enough to be seen
    assert(t.hosts:exec(look, { env = env }):must()[1].stdout ==
      "hidden-value\\nhidden-'quoted' \\\\ \\n line\\n")
    assert(t.hosts:exec({ "printenv", "HIDDEN_NAME" }, { env = env }):must()[1].stdout ==
      "hidden-value\\n")
  end
  local map = t:map(t.hosts, { dp = 2 }, { gpus_per_host = 2 }):must()
  t:launch(map, { env = env, cmd = "test \$RANK = \$LOCAL_RANK -a -n \"\$HIDDEN_NAME\"" }):wait():must()
end }
END

for transport in ssh openssh; do
	test_expect_success "variables are on no command line, neither names nor values ($transport)" '
		rm -f "$FLEET_DIR/seen" "$FLEET_DIR/watching" &&
		{ sh watch "$FLEET_DIR" & } && wait_for test -e "$FLEET_DIR/watching" &&
		runs $transport ./secret.lua; status=$?
		: >"$FLEET_DIR/seen"; wait; cat err; [ $status -eq 0 ] &&
		grep -q "PERILUNE_TASK=" "$FLEET_DIR/cmdlines" && grep -q sshd "$FLEET_DIR/own" &&
		! grep -a -o "hidden-.\{20\}\|HIDDEN_NAME=.\{20\}" \
			"$FLEET_DIR/cmdlines" "$FLEET_DIR/own"
	'

	test_expect_success "stdin behind them arrives whole, 10 MB of any bytes ($transport)" '
		cat >stdin.lua <<-END &&
		local pl = require "perilune"
		return pl.recipe { name = "stdin", summary = "Feeds.", run = function(t)
		  local bytes = io.open("$(command -v perilune)", "rb"):read "a"
		  local text = bytes:rep(10 * 1024 * 1024 // #bytes + 1):sub(1, 10 * 1024 * 1024)
		  io.open("sent", "wb"):write(text):close()
		  print(t.hosts:exec("cksum", { env = { A = "b" }, stdin = text }):must()[1].stdout)
		end }
		END
		runs $transport ./stdin.lua && cksum <sent >expected && head -n 1 out | test_cmp expected -
	'

	test_expect_success "SetEnv and SendEnv of the configuration reach commands ($transport)" '
		{ cat "$FLEET_SSH_CONFIG" && printf "Host *\n  SetEnv SET=one\n  SendEnv SENT_*\n"; } >env.cfg &&
		SENT_A="two words" NOT_SENT=3 timeout 20 perilune exec -F env.cfg --transport $transport \
			-w 127.1.0.1 -N "printenv SET SENT_A NOT_SENT" >out
		printf "one\ntwo words\n" | test_cmp - out
	'
done

test_expect_success "a command line of 200,000 bytes runs" '
	{ printf ": "; head -c 200000 /dev/zero | tr "\0" x; printf "\necho done"; } >long &&
	cat >long.lua <<-END &&
	local pl = require "perilune"
	return pl.recipe { name = "long", summary = "Long.", run = function(t)
	  local r = t.hosts:exec(io.open("long"):read "a"):must()
	  assert(r[1].stdout == "done\n")
	  local words = { "printf", "%s\\\\n" }
	  for i = 1, 20000 do words[i + 2] = "word " .. i end
	  assert(#t.hosts:exec(words):must()[1].stdout > 200000)
	end }
	END
	runs ssh ./long.lua && runs openssh ./long.lua
'

# fleet_with_shell SHELL: a fleet whose users have this login shell, by a passwd of its own.
fleet_with_shell() {
	FLEET_DIR=$(mktemp -d "${TMPDIR:-/tmp}/perilune-fleet.XXXXXX") || return 1
	sed "s|^\($(id -un):.*:\)[^:]*\$|\1$1|" /etc/passwd >passwd &&
	unshare -m sh -c "mount --make-rprivate / && mount --bind passwd /etc/passwd &&
		exec fleet start $FLEET_DIR 1" >env.out 2>env.err && . "$FLEET_DIR/env"
}
unshare -m true 2>/dev/null && test_set_prereq UNSHARE

cat >shells.lua <<'END'
local pl = require "perilune"
return pl.recipe { name = "shells", summary = "Says what came.", run = function(t)
  local env = { A = "it's\n\"two\" \\ lines!\n", B = "" }
  io.write(t.hosts:exec("echo $SHELL; printenv A", { env = env }):must()[1].stdout)
  io.write(t.hosts:exec({ "cat" }, { env = env, cwd = "/", stdin = "as it is\n\\\n" }):must()[1].stdout)
  io.write(t.hosts:exec("sh -c 'echo e >&2'\necho second", { merge = true }):must()[1].stdout)
end }
END

for shell in /bin/sh /bin/bash /bin/tcsh /usr/bin/fish; do
	[ -x $shell ] || { say "$shell is not installed"; continue; }
	test_expect_success UNSHARE "the same with the login shell $shell" '
		fleet_stop; fleet_with_shell $shell && runs ssh ./shells.lua &&
		printf "%s\nit'\''s\n\"two\" \\\\ lines!\n\nas it is\n\\\\\ne\nsecond\n" $shell >expected &&
		head -n 8 out | test_cmp expected -
	'
done

test_done
