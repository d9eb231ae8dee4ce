#!/bin/sh

test_description='What README.md tells people to type works as it stands (recipes/README.md: t0710)

Blocks fenced as sh are run, in order, in one shell; a line that ends in "# exit status N" must.
Blocks fenced as lua that return a recipe are run too.'
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen

# The fleet of README.md, in a folder of our own: sshd takes no space in its name.
FLEET_DIR=$(mktemp -d "${TMPDIR:-/tmp}/perilune-fleet.XXXXXX")
trap 'fleet_status=$?; fleet_stop; (exit $fleet_status); die' EXIT

ln -s "$PERILUNE_SRCDIR/scripts" scripts

# fenced LANGUAGE FILE: the lines of all its blocks in that language.
fenced() {
	awk -v fence="\`\`\`$1" '$0 == fence { on = 1; next } /^```/ { on = 0 } on' "$2"
}

# commands FILE: the shell blocks as a script that ends at the first line that goes wrong.
commands() {
	fenced sh "$1" | sed -e "s|/tmp/fleet|$FLEET_DIR/fleet|g" \
		-e 's/^\(.*[^ ]\)  *# exit status \([0-9]*\)$/code=0; \1 || code=$?; test $code -eq \2/'
}

# recipe NAME FILE: the block in lua that is the recipe of this name, as NAME.lua.
recipe() {
	fenced lua "$2" >"$1.lua" && grep "name = \"$1\"" "$1.lua"
}

test_expect_success 'README.md' '
	commands "$PERILUNE_SRCDIR/README.md" >commands && test_line_count -ge 8 commands &&
	sh -eux commands >out && cat out &&
	grep "127.1.0.\[1-64\] (64)" out && grep "^127.1.0.3: ok" out && grep "^126$" out
'

test_expect_success 'no fleet is left' '
	expect_exit 1 fleet status "$FLEET_DIR/fleet"
'

test_expect_success 'its recipe' '
	recipe hello "$PERILUNE_SRCDIR/README.md" &&
	perilune run --transport local -w node[1-4] ./hello.lua
'

test_expect_success 'the calls that the table of recipes/README.md names are there' '
	{ echo "return require(\"perilune\").recipe { name = \"calls\", run = function(t)" &&
	  grep "^|" "$PERILUNE_SRCDIR/recipes/README.md" | grep -o "t:[a-z][a-z]*(" | sort -u |
		sed "s/t:\(.*\)(/assert(t.\1)/" && echo "end }"; } >calls.lua &&
	test_line_count -ge 18 calls.lua && perilune run --transport local ./calls.lua
'

test_done
