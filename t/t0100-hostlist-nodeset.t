#!/bin/sh
# shellcheck disable=SC2016 # sharness evaluates what stands in quotes

test_description='host sets read, count and fold as ClusterShell nodeset does'

. /usr/share/sharness/sharness.sh

skip_all_without nodeset
tool="$PERILUNE_BUILDDIR/t/unit/hostlist_tool"
[ -x "$tool" ] || {
	skip_all="t/unit/hostlist_tool is not built"
	test_done
}

# nodeset starts in a fifth of a second: its library answers for the whole table at once.
python=$(sed -n '1s/^#! *//p' "$(command -v nodeset)")
$python -c 'import ClusterShell.NodeSet' 2>/dev/null || {
	skip_all="nodeset is here, but $python has no ClusterShell"
	test_done
}

# One expression a line. '~' marks where both fold to the same names, in another order of numbers
# of different width or, ours, in fewer pieces. '!' marks what both refuse.
cat >table <<'EOF'
node1
node[1-3]
node[001-128]
node[3-4,1]
node[1-5,3-8]
node[8-11]
node[08-11]
node[098-102]
node[0-70/2]
node[1-10/3]
node[1-3/2,7]
node[1-3/1]
node[1-3/02]
node[ 1 - 3 ]
node[1,3,5-7,9]
node9,node10
node10,node9,node8
node09,node10
~node009,node10
node01,node1
~node[1,02]
~node[01,02,3]
n[0-10],n[00-10]
n0,n00,n000
~n[1-12],n[05-07]
gpu-a-[1-4]
gpu-a-[1-4],gpu-b-[1-4]
a[1-3].cluster
n1.cluster,n2.cluster
node[1-3]x
ib0-n1,ib0-n2
node-1,node-2
[1-10]
123,124
1-10
192.168.1.[1-254]
10.0.[0-3].[1-4]
5n[1-2]
n5[1-3]
n05[1-3]
n0[1-3]
n[1-2]5
n[1-3]0
n[1-3]05
a,b
b,a
a,a
login,n[1-2],login
a, b , c
r[1-8]t[01-18]
r[1-8]t[01-18]-ib0
n[1-3]m[1-2]
n1m1,n1m2,n2m1,n2m2
n1m1,n2m2
r[1-3]t[1-3]!r2t2
r[1-10]t[1-18]!r5t3
r[1-4]t[1-4],r[5-6]t[1-4]
r[1-4]t[1-4],r[1-4]t[5-6]
r[1-4]t[1-4]!r[2-3]t[2-3]
~r[1-2]t1,r[2-3]t2
r[1-2]t[1-2]x[1-2]
r[1-2]t[1-2]x[1-2]!r1t1x1
~r[1-3]t[1-3]x[1-3]!r2t2x2!r1t3x1
a[1-3]b[4-6],c[1-3]
n[1-5]!n[2-3]
n[1-5]!n[2-3],n2
n[1-5]!m[1-3]
n[1-5]!n[1-5]
n[1-5]&n[4-7]
n[1-5]&m1
n[1-5]^n[4-7]
n[1-5]^n[1-5]
n[1-5]^n[4-7]^n[1-9]
n[1-9]!n[2-8]&n[1-5]
a,b&c
a,b&c,d
a!b!c
a ! b , c & c
n[01-10]!n[1-10]
n[001-100]&n[050-200]!n[060-070]
r[1-8]t[01-18]&r[7-9]t[17-20]
r[1-2]t[1-2]^r[2-3]t[2-3]
x99999999999999999999
x[1-2000]
a%b[1-2]
u@h[1-2]
fe80::[1-3]
!node[01-3]
!node[1-03]
!node[08-112]
!node[3-1]
!node[1-9/0]
!node[1/2]
!node[1-9/-1]
!node[]
!node[1
!node1]
!node[[1]]
!node[a-b]
!node[1-]
!node[1,,2]
!node[1,]
!n[0x1-0x3]
!a,,b
!,a
!a,
!a!
!!a
!&a
!a&&b
!a!,b
EOF

cat >peer.py <<'EOF'
import sys
from ClusterShell.NodeSet import NodeSet, NodeSetException

for line in sys.stdin:
    try:
        nodes = NodeSet(line.rstrip("\n"))
        print(nodes, len(nodes), " ".join(nodes), sep="\t")
    except NodeSetException as err:
        print("error: %s" % err)
EOF

# The pieces of each folded line, as "LINE PIECE", sorted.
pieces() {
	awk '{
		piece = ""; inside = 0
		for (i = 1; i <= length($0); i++) {
			c = substr($0, i, 1)
			inside += (c == "[") - (c == "]")
			if (c == "," && !inside) { print NR, piece; piece = "" }
			else piece = piece c
		}
		print NR, piece
	}' "$@" | sort
}

# The names of each line, as "LINE NAME", sorted.
names() {
	awk '{ for (i = 1; i <= NF; i++) print NR, $i }' "$@" | sort
}

grep '^!' table | cut -c2- >refused
grep -v '^!' table | sed 's/^~//' >accepted
grep -v '^[!~]' table >alike
grep '^~' table | cut -c2- >close

test_expect_success 'the table is as long as it should be' '
	test $(wc -l <accepted) -ge 60 &&
	test $(wc -l <refused) -ge 20
'

test_expect_success 'both expand to the same names' '
	$python peer.py <accepted >peer &&
	! grep -n "^error" peer &&
	cut -f3 peer | names >expected &&
	"$tool" expand <accepted >ours && names ours >actual &&
	test_cmp expected actual
'

test_expect_success 'both count the same' '
	cut -f2 peer >expected &&
	"$tool" count <accepted >actual &&
	test_cmp expected actual
'

test_expect_success 'both fold to the same pieces' '
	$python peer.py <alike | cut -f1 | pieces >expected &&
	"$tool" fold <alike | pieces >actual &&
	test_cmp expected actual
'

test_expect_success 'where the text differs, ours is the same set in no more pieces' '
	$python peer.py <close >peer &&
	"$tool" fold <close >ours &&
	cut -f1 peer | pieces >peer.pieces &&
	pieces ours >our.pieces &&
	test $(wc -l <our.pieces) -le $(wc -l <peer.pieces) &&
	$python peer.py <ours | cut -f3 | names >actual &&
	cut -f3 peer | names >expected &&
	test_cmp expected actual
'

test_expect_success 'both refuse the same' '
	$python peer.py <refused >peer &&
	"$tool" fold <refused >ours &&
	test $(grep -c "^error" peer) -eq $(wc -l <refused) &&
	test $(grep -c "^error" ours) -eq $(wc -l <refused)
'

test_expect_success 'the command itself agrees' '
	nodeset -f "r[1-8]t[01-18]!r3t04,login" </dev/null | pieces >expected &&
	"$tool" fold "r[1-8]t[01-18]!r3t04,login" | pieces >actual &&
	test_cmp expected actual
'

test_done
