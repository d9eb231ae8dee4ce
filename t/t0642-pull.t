#!/bin/sh
# pull over SSH: files, folders, patterns, where they go, and what a hostile host cannot do.
test_description="pull"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen tar

fleet_start 8 || test_done
fleet_homes
all="127.1.0.[1-8]"
h1=$FLEET_HOMES/127.1.0.1

p() { perilune pull -F "$FLEET_SSH_CONFIG" --progress never "$@"; }
tree() {
	(cd "$1" && find . -printf "%y %m %l %p\n" | sort -k4 && find . -type f -exec cksum {} + | sort -k3)
}
same_tree() { tree "$1" >expected && tree "$2" >actual && diff expected actual; }

for i in 1 2 3 4 5 6 7 8; do
	home=$FLEET_HOMES/127.1.0.$i && mkdir -p "$home/logs/sub" && echo "host $i" >"$home/name" &&
	head -c 300000 /dev/urandom >"$home/logs/a.log" && echo b >"$home/logs/b.log" && : >"$home/logs/none" &&
	ln -s a.log "$home/logs/link" && ln -s /etc/passwd "$home/logs/abs" && chmod 640 "$home/name" "$home/logs/b.log" &&
	mkdir "$home/logs/closed" && echo c >"$home/logs/closed/c" && chmod 555 "$home/logs/closed" && ln "$home/logs/b.log" "$home/logs/hard"
done

test_expect_success "into a folder, each under its name and its host, as rpdcp and clush do" '
	mkdir got && p -w "$all" name got >out 2>err && test_must_be_empty out && test_must_be_empty err &&
	test "$(ls got | wc -l)" = 8 && for i in 1 2 8; do cmp "$FLEET_HOMES/127.1.0.$i/name" got/name.127.1.0.$i || return 1; done &&
	test "$(stat -c %a got/name.127.1.0.3)" = 640
'

test_expect_success "%h names the host; folders that are missing are made" '
	p -w "$all" name "fresh/%h/the %%name" && grep "host 7" "fresh/127.1.0.7/the %name" && p -w "$all" name logs "by/%h/" &&
	same_tree "$h1/logs" by/127.1.0.1/logs && grep "host 4" by/127.1.0.4/name
'

test_expect_success "several hosts and one file: refused before anything happens, with what to do" '
	expect_exit 2 p -w "$all" name one 2>err && grep "%h" err && grep folder err && ! test -e one &&
	p -w 127.1.0.5 name one && grep "host 5" one
'

test_expect_success "a folder: modes, links as links, empty files, hard links; twice" '
	p -w "127.1.0.[1-2]" logs "copy-%h" && same_tree "$h1/logs" copy-127.1.0.1 &&
	p -w "127.1.0.[1-2]" logs got && same_tree "$h1/logs" got/logs.127.1.0.1 &&
	p -w "127.1.0.[1-2]" logs/ got/ 2>err || { cat err; false; } && same_tree "$h1/logs" got/logs.127.1.0.1
'

test_expect_success "patterns are the host'\''s to expand; a name that is there is none" '
	mkdir glob && p -w "127.1.0.[1-2]" "logs/*.log" glob && cmp "$h1/logs/a.log" glob/a.log.127.1.0.1 &&
	test "$(ls glob | wc -l)" = 4 && p -w 127.1.0.1 "logs/[ab].log" "glob/%h/" && cmp "$h1/logs/a.log" glob/127.1.0.1/a.log &&
	echo literal >"$h1/[ab]*" && p -w 127.1.0.1 "[ab]*" literal && grep literal literal &&
	expect_exit 1 p -w 127.1.0.1 "logs/*.nothing" glob 2>err && grep "No such file" err
'

test_expect_success "what is not there, or no file: exit 1 and the reason; the others have it" '
	rm "$FLEET_HOMES/127.1.0.3/name" && rm -rf got && mkdir got && expect_exit 1 p -w "127.1.0.[1-4]" name got 2>err &&
	grep "No such file.*127.1.0.3$" err && test "$(ls got | wc -l)" = 3 && mkfifo "$h1/pipe" &&
	expect_exit 1 p -w 127.1.0.1 pipe got 2>err && grep "not a file or folder" err
'

test_expect_success "a pipe in a folder is left out and named" '
	mkdir "$h1/special" && mkfifo "$h1/special/pipe" && echo ok >"$h1/special/file" &&
	expect_exit 1 p -w 127.1.0.1 special special 2>err && grep "pipe" err && grep ok special/file && ! test -e special/pipe
'

test_expect_success "100 MB, and the times when asked for" '
	head -c 100000000 /dev/urandom >"$h1/big" && touch -d @1000000000 "$h1/big" && p -w 127.1.0.1 -p big big &&
	cmp "$h1/big" big && test "$(stat -c %Y big)" = 1000000000 && rm "$h1/big" big
'

test_expect_success "--json tells bytes and seconds of each host" '
	p -w "127.1.0.[1-2]" --json logs/a.log got/ >out && grep "\"host\":\"127.1.0.2\".*\"bytes\":3000.*\"seconds\":" out
'

# A host that answers what it likes: its tar is ours.
hostile() {
	printf "#!/bin/sh\nexec cat \"%s\"\n" "$PWD/evil.tar" >"$FLEET_DIR/bin/tar" && chmod +x "$FLEET_DIR/bin/tar"
}
mkdir "$FLEET_DIR/bin" && sed -i "s|^mkdir|PATH=$FLEET_DIR/bin:\$PATH; export PATH\nmkdir|" "$FLEET_DIR/home"
mkdir -p evil/in && (cd evil/in && echo gotcha >x && ln -s "$PWD/.." way && ln -s x l)

refused() {
	hostile && rm -rf trap && mkdir trap && expect_exit 1 p -w 127.1.0.1 logs trap/logs 2>err && cat err && grep "$1" err &&
	! find . -path ./evil -prune -o -name "escaped*" -print | grep . && ! test -e "$FLEET_HOMES/escaped"
}

test_expect_success "a host that sends names with .. is refused" '
	tar -P -C evil/in --transform "s,x,../escaped," -cf evil.tar x && refused "leads out of the folder"
'

test_expect_success "absolute names are refused" '
	tar -P -C evil/in --transform "s,x,$PWD/escaped," -cf evil.tar x && refused "is absolute"
'

test_expect_success "a link that the host sent is not followed" '
	tar -C evil/in -cf evil.tar way && tar -C evil/in --transform "s,x,way/escaped," -rf evil.tar x &&
	refused "in its way" && test -h trap/logs/way
'

test_expect_success "hard links lead nowhere else" '
	(cd evil/in && echo h >h1 && ln h1 h2 && tar -P --transform "s,^h1,../../../err,RH" --transform "s,h1,../err,h" -cf ../../evil.tar h1 h2) &&
	refused "leads out of the folder"
'

test_expect_success "bytes that are no archive" '
	head -c 2000 /dev/urandom >evil.tar && refused "malformed"
'

test_expect_success "names with control characters are shown without them" '
	(cd evil/in && mkfifo "$(printf "p\033[2Jq")") && tar -C evil/in -cf evil.tar "$(printf "p\033[2Jq")" && refused "p?.2Jq" &&
	! grep "$(printf "\033")" err
'

test_expect_success "nothing of ours is left" '
	! find . "$FLEET_HOMES" -name ".perilune-*" | grep .
'

test_done
