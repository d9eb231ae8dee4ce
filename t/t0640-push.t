#!/bin/sh
# push over SSH: content, mode, places, what stands in the way, and that nobody sees half a file.
test_description="push over SSH"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen

fleet_start 16 || test_done
all="127.1.0.[1-16]"
fleet_homes
there=$FLEET_HOMES

p() { perilune push -F "$FLEET_SSH_CONFIG" --progress never "$@"; }
each() { for home in "$there"/127.1.0.*; do "$@" "$home" || return 1; done; }
same() { cmp "$1" "$3/$2"; }

head -c 300000 /dev/urandom >data && chmod 640 data

test_expect_success "content and mode arrive on every host, nothing is printed" '
	p -w "$all" data copy >out 2>err && test_must_be_empty out && test_must_be_empty err &&
	test "$(ls "$there" | wc -l)" = 16 && each same data copy &&
	test "$(stat -c %a "$there"/*/copy | sort -u)" = 640 &&
	test "$(ls -A "$there"/* | grep -c -v "^$\|:$")" = 16
'

test_expect_success "a program stays one" '
	printf "#!/bin/sh\necho ran\n" >program && chmod 755 program &&
	p -w "$all" program program && test "$("$there/127.1.0.9/program")" = ran
'

test_expect_success "an empty file is a file" '
	: >empty && p -w "$all" empty empty && each same empty empty
'

test_expect_success "into a folder, several at once, names with spaces and quotes" '
	for home in "$there"/*; do mkdir "$home/a folder"; done &&
	echo odd >"o'\''dd \$HOME.txt" &&
	p -w "$all" data program "o'\''dd \$HOME.txt" "a folder" && each same data "a folder/data" &&
	each same program "a folder/program" && each same "o'\''dd \$HOME.txt" "a folder/o'\''dd \$HOME.txt" &&
	p -w "$all" empty "a folder/" && each same empty "a folder/empty"
'

test_expect_success "a DST that is a folder there without being called one: it goes into it" '
	p -w "127.1.0.[1-2]" program "a folder" && cmp program "$there/127.1.0.2/a folder/program" &&
	mkdir -p "$there/127.1.0.1/a folder/data.d/data" &&
	expect_exit 1 p -w 127.1.0.1 data "a folder/data.d" 2>err && cat err && grep "is a directory" err
'

test_expect_success "an absolute DST" '
	p -w 127.1.0.1 data "$there/absolute" && cmp data "$there/absolute"
'

test_expect_success "it takes the place of what was there, with its own mode" '
	echo old | tee "$there"/*/copy >/dev/null && p -w "$all" program copy && each same program copy &&
	test "$(stat -c %a "$there"/*/copy | sort -u)" = 755
'

test_expect_success "who reads while it is copied sees the old file or the new one, whole" '
	head -c 20000000 /dev/zero | tr "\0" n >new && head -c 100 /dev/zero | tr "\0" o >old &&
	for home in "$there"/127.1.0.*; do cp old "$home/old"; done && rm -f stop && file=$there/127.1.0.1/old &&
	{ (while ! test -e stop; do stat -c %s "$file"; done | sort -u >sizes) & reader=$!; } &&
	{ p -w "127.1.0.[1-4]" new old; touch stop; wait $reader; } &&
	! grep -vx "100\|20000000" sizes && cmp new "$file"
'

test_expect_success "a source that is not there: exit 2, no host is bothered" '
	expect_exit 2 p -w "$all" nowhere x 2>err && test_line_count = 1 err &&
	grep "^perilune: push: .*nowhere.*No such file" err && ! test -e "$there/127.1.0.1/x" &&
	expect_exit 2 p --sudo -w "$all" small x 2>err && grep "perilune exec --sudo" err &&
	expect_exit 2 p -w "$all" /dev/null x 2>err && grep "neither a file nor a folder" err
'

test_expect_success "a folder that is not there: exit 1, the reason once, the hosts folded" '
	expect_exit 1 p -w "$all" data missing/x 2>err && cat err && test_line_count = 2 err &&
	grep "^  exit 1 (.*missing.*): 127.1.0.\[1-16\]$" err
'

test_expect_success "a place that cannot be written on some hosts: the others have it" '
	rm -rf "$there/127.1.0.3/copy" "$there"/*/part && mkdir -p "$there/127.1.0.3/part/of" &&
	: >"$there/127.1.0.5/file" && for i in 1 3 7; do mkdir -p "$there/127.1.0.$i/file/data"; done &&
	expect_exit 1 p -w "127.1.0.[1-8]" data file 2>err && cat err &&
	grep "8 hosts: 5 ok, 3 exit (" err && grep "127.1.0.\[1,3,7\]$" err &&
	cmp data "$there/127.1.0.5/file"
'

test_expect_success "a folder that cannot be written: the reason is the same on every host" '
	for home in "$there"/*; do mkdir "$home/sealed" && chattr +i "$home/sealed" || break; done 2>/dev/null
	if (: >"$there/127.1.0.1/sealed/x") 2>/dev/null; then return 0; fi
	expect_exit 1 p -w "127.1.0.[1-2]" data sealed/x 2>err; cat err
	chattr -i "$there"/*/sealed && grep "sealed/x: cannot be written: .*): 127.1.0.\[1-2\]$" err
'

test_expect_success "nothing of a copy that failed is left" '
	! find "$there" -name "*.part" -type f | grep .
'

test_expect_success "a host that is down: exit 3, the others have it" '
	{ printf "Host down\n HostName 127.2.0.1\n Port 1\n IdentityFile %s\n" "$FLEET_DIR/id_ed25519" &&
	  cat "$FLEET_SSH_CONFIG"; } >cfg &&
	expect_exit 3 perilune push -F cfg -w "down,127.1.0.[1-4]" data late 2>err &&
	grep "5 hosts: 4 ok, 1 unreachable (" err &&
	test "$(ls "$there"/*/late | wc -l)" = 4 && cmp data "$there/127.1.0.4/late"
'

test_done
