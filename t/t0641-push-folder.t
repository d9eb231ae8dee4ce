#!/bin/sh
# push of folders over SSH: what arrives, how it is merged, what is left out.
test_description="push of folders"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen tar

fleet_start 8 || test_done
fleet_homes
all="127.1.0.[1-8]"

p() { perilune push -F "$FLEET_SSH_CONFIG" --progress never "$@"; }

# tree FOLDER: everything below it: type, mode, target of links, name, and content of files.
tree() {
	(cd "$1" && find . -printf "%y %m %l %p\n" | sort -k4 && find . -type f -exec cksum {} + | sort -k3)
}
same_tree() { tree "$1" >expected && tree "$2" >actual && diff expected actual; }

mkdir -p src/empty "src/sub dir/deep" src/dir && : >src/.hidden && head -c 300000 /dev/urandom >src/data &&
: >src/none && echo x >"src/sub dir/deep/it's \$HOME" && printf "#!/bin/sh\n" >src/run && chmod 750 src/run &&
chmod 600 src/.hidden && ln -s data src/link && ln -s /nowhere/at/all src/absolute && ln -s ../../x src/dir/up &&
ln -s deep "src/sub dir/to-deep" && chmod 711 src/dir && mkdir src/sealed && echo s >src/sealed/s &&
chmod 555 src/sealed && echo odd >"src/back\\slash" && echo dash >src/-dash &&
long=$(printf %0120d 7) && mkdir "src/$long" && echo long >"src/$long/$long" && ln -s "$long/$long" src/far
chmod 751 src
printf "new line" >"src/a
b"

test_expect_success "all of a folder arrives on every host: modes, links, odd names, empty ones" '
	p -w "$all" src copy >out 2>err && test_must_be_empty out && test_must_be_empty err &&
	for home in "$FLEET_HOMES"/*; do same_tree src "$home/copy" || return 1; done
'

test_expect_success "into a folder that is there, under its own name" '
	mkdir "$FLEET_HOMES/127.1.0.1/in" && p -w 127.1.0.1 src in && same_tree src "$FLEET_HOMES/127.1.0.1/in/src" &&
	p -w 127.1.0.1 src/ in/ && same_tree src "$FLEET_HOMES/127.1.0.1/in/src"
'

test_expect_success "merged with one of its name: what is new comes, what is changed is replaced, the rest stays" '
	home=$FLEET_HOMES/127.1.0.2 && mkdir -p new/dir && echo 2 >new/dir/more && echo changed >new/data &&
	ln -s other new/link && mkdir new/fresh && : >new/fresh/f && chmod 700 new/fresh && rm -rf "$home/src" &&
	mv "$home/copy" "$home/new" && p -w 127.1.0.2 new . && cmp new/data "$home/new/data" &&
	test "$(readlink "$home/new/link")" = other && cmp new/dir/more "$home/new/dir/more" &&
	test "$(readlink "$home/new/dir/up")" = ../../x && test "$(stat -c %a "$home/new/fresh")" = 700 &&
	test "$(stat -c %a "$home/new/dir")" = 711 && test "$(stat -c %a "$home/new/run")" = 750
'

test_expect_success "a file does not take the place of a folder, nor a folder that of a file" '
	mkdir -p t1/new t2/new/data && : >t1/new/dir && : >t2/new/data/x &&
	expect_exit 1 p -w 127.1.0.2 t1/new . 2>err && grep "new/./dir: is a directory" err &&
	expect_exit 1 p -w 127.1.0.2 t2/new . 2>err && test -f "$FLEET_HOMES/127.1.0.2/new/data"
'

test_expect_success "%h is the host, %% a percent sign" '
	p -w "127.1.0.[1-2]" src/data "100%%-%h" && cmp src/data "$FLEET_HOMES/127.1.0.2/100%-127.1.0.2"
'

test_expect_success "devices, pipes and sockets are left out and named; the rest is there" '
	mkdir special && mkfifo special/pipe && echo y >special/file &&
	expect_exit 1 p -w "127.1.0.[3-4]" special special 2>err && cat err && grep "special/pipe.*127.1.0.\[3-4\]" err &&
	cmp special/file "$FLEET_HOMES/127.1.0.4/special/file" && ! test -e "$FLEET_HOMES/127.1.0.4/special/pipe"
'

test_expect_success "times are kept when asked for" '
	touch -d @1000000000 src/data src/dir && p -w 127.1.0.5 -p src timed && p -w 127.1.0.5 -p src/data timed.file &&
	test "$(stat -c %Y "$FLEET_HOMES/127.1.0.5/timed/data")" = 1000000000 &&
	test "$(stat -c %Y "$FLEET_HOMES/127.1.0.5/timed.file")" = 1000000000 &&
	test "$(stat -c %Y "$FLEET_HOMES/127.1.0.5/copy/data")" != 1000000000
'

test_expect_success "a folder and files together, several thousand entries" '
	mkdir many && (cd many && for i in $(seq 20); do mkdir d$i && (cd d$i && touch $(seq 150)); done) &&
	mkdir "$FLEET_HOMES/127.1.0.6/into" && p -w 127.1.0.6 many src/data src into &&
	same_tree many "$FLEET_HOMES/127.1.0.6/into/many" && same_tree src "$FLEET_HOMES/127.1.0.6/into/src"
'

test_expect_success "a source folder that cannot be read: exit 1, said once, nothing is made" '
	mkdir bad && ln -s nowhere bad/l && p -w 127.1.0.7 bad bad && test -h "$FLEET_HOMES/127.1.0.7/bad/l"
'

test_expect_success "nothing of ours is left beside the copies" '
	! find "$FLEET_HOMES" -name ".perilune-*" | grep .
'

test_done
