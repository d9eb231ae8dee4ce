#!/bin/sh

test_description='HACKING.md tells of files that are there, and its tables find every file of core and
of the prelude

A file is found by its name, with or without its suffix, by a pattern, or by the name that begins
its own: topo.h finds topo_text.c. "ssh" alone would find a whole room, and finds ssh.c and ssh.h.'
. /usr/share/sharness/sharness.sh

HACKING=$PERILUNE_SRCDIR/HACKING.md

# quoted: its words in backquotes, one a line; blocks of code are left out.
quoted() {
	sed '/^```/,/^```/d' | grep -o '`[^`]*`' | tr -d '`' | grep -x '[A-Za-z0-9_*./-]*' | sort -u
}

files() {
	(cd "$PERILUNE_SRCDIR" &&
		find "$@" -name '[a-z]*.[ch]' -o -name '[a-z]*.lua' -o -name '[a-z]*.sh') | sort
}

# Of the words in the file $1: which name no file (unfound=words), or the files none of them finds.
cat >match.awk <<-\EOF
function rule(word) {
	sub(/\.(lua|sh|[ch])$/, "", word); sub(/.*\//, "", word)
	open = word == "ssh" || word ~ /\*$/ ? "" : "(_.*)?"
	gsub(/\./, "\\.", word); gsub(/\*/, ".*", word)
	return "^" word open "$"
}
NR == FNR { words[$0] = rule($0); next }
{
	base = $0; sub(/.*\//, "", base); stem = base; sub(/\.[a-z]*$/, "", stem); found = 0
	for (word in words)
		if (stem ~ words[word] || base == word) { found = 1; used[word] = 1 }
	if (!found && unfound == "files") print
}
END { if (unfound == "words") for (word in words) if (!(word in used)) print word }
EOF

test_expect_success 'what it names is there' '
	quoted <"$HACKING" | grep "/.*[.]\|[.]\(c\|h\|t\|am\)$" | grep -v "NAME\|[*]" >paths &&
	test_line_count -ge 100 paths &&
	while read -r path; do
		ls "$PERILUNE_SRCDIR/$path" "$PERILUNE_SRCDIR"/core/$path "$PERILUNE_SRCDIR"/core/*/$path \
			2>/dev/null | grep -q . || { echo >&2 "HACKING.md: there is no $path"; touch absent; }
	done <paths && ! test -e absent
'

grep '^|' "$HACKING" | quoted >words

test_expect_success 'words of its tables are files' '
	files core bindings t/bench >there && awk -v unfound=words -f match.awk words there >absent.words &&
	test_must_be_empty absent.words
'

test_expect_success 'every file of core and of the prelude is found' '
	files core bindings/prelude >all && awk -v unfound=files -f match.awk words all >lost &&
	test_must_be_empty lost
'

test_done
