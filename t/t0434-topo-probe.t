#!/bin/sh
# topo probe: hosts are asked over SSH, here, and in a simulation; what fails is told and left out.
test_description="topo probe asks the hosts of a fleet"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen

fleet_start 6 || test_done
fleet_homes
# programs of a host lie in bin of its home; those of this machine are hidden from all
mkdir "$FLEET_DIR/none" && for name in nvidia-smi ibnetdiscover lldpcli lstopo lstopo-no-graphics \
	scontrol; do
	printf '#!/bin/sh\nexit 127\n' >"$FLEET_DIR/none/$name" && chmod +x "$FLEET_DIR/none/$name"
done
sed "s|^exec |PATH=\$PWD/bin:$FLEET_DIR/none:\$PATH exec |" "$FLEET_DIR/home" >"$FLEET_DIR/new" &&
	cat "$FLEET_DIR/new" >"$FLEET_DIR/home"
PATH=$FLEET_DIR/none:$PATH
all="127.1.0.[1-4]"

probe() { perilune topo probe -F "$FLEET_SSH_CONFIG" "$@"; }
home() { echo "$FLEET_HOMES/127.1.0.$1"; }

# program I NAME: standard input is a program of host I
program() {
	mkdir -p "$(home "$1")/bin" && cat >"$(home "$1")/bin/$2" && chmod +x "$(home "$1")/bin/$2"
}

# smi I DOMAIN CHASSIS [GPU...]: what nvidia-smi -q -x says on host I
smi() {
	i=$1 domain=$2 chassis=$3
	shift 3
	{
		echo "<?xml version=\"1.0\" ?><nvidia_smi_log><attached_gpus>$#</attached_gpus>"
		for gpu in "$@"; do
			cat <<-END
			<gpu id="00000000:0$gpu:00.0"><uuid>GPU-$i-$gpu</uuid>
			<platformInfo><chassis_serial_number>$chassis</chassis_serial_number>
			<slot_number>$i</slot_number></platformInfo>
			<fabric><state>Completed</state><status>Success</status><cliqueId>1</cliqueId>
			<clusterUuid>$domain</clusterUuid><health><summary>Healthy</summary></health></fabric>
			</gpu>
			END
		done
		echo "</nvidia_smi_log>"
	} >"$(home "$i")/smi.xml"
}

for i in 1 2 3 4; do
	program $i nvidia-smi <<-\END
	#!/bin/sh
	[ "$*" = "-q -x" ] && cat "$HOME/smi.xml"
	END
	smi $i 3fbfc98b-000$(((i + 1) / 2)) serial$(((i + 1) / 2)) 0 1 2 3
done

test_expect_success "what makes no sense is refused before a host is asked" '
	expect_exit 2 probe -w "$all" node1 2>err && grep "named with -w" err &&
	expect_exit 2 probe -w "$all" --skip nvidia-sm 2>err && grep "did you mean .nvidia-smi" err &&
	echo "not a machine" >taken && expect_exit 2 probe -w "$all" -o taken 2>err &&
	grep "is no machine file, it is not replaced" err && echo "not a machine" | test_cmp - taken &&
	expect_exit 2 probe -w "$all" --previous gone 2>err && grep "no such file" err &&
	expect_exit 2 perilune topo show -w a loopback 2>err && grep "for topo probe" err
'

test_expect_success "GPUs, NVLink domains and places become a machine file that says who told it" '
	probe -w "$all" -o machine.lua >out 2>err && test_must_be_empty out &&
	grep "machine.lua: 4 hosts, 16 GPUs, 2 NVLink domains" err &&
	grep "lldpcli: not there, it would tell switches of Ethernet: 127.1.0.\[1-4\]" err &&
	grep "ibnetdiscover: not on any host of the fleet" err &&
	grep "fact = \"NVLink domain\", by = \"nvidia-smi -q -x on %h\"" machine.lua &&
	grep "host = \"127.1.0.3\", chassis = \"serial2\", slot = 3" machine.lua &&
	perilune topo show ./machine.lua >out 2>err &&
	grep "^4 hosts, 16 GPUs, 2 NVLink domains" out &&
	grep "^source: cluster file ./machine.lua: nvidia-smi -q -x on 4 hosts (nvidia-smi-xml of 20" out
'

test_expect_success "probing again tells that nothing has changed" '
	probe -w "$all" -o machine.lua 2>err && grep "nothing has changed" err &&
	test ! -e machine.lua~
'

test_expect_success "who gives nothing is told in one line a reason; the others make the machine" '
	program 2 nvidia-smi <<-\END &&
	#!/bin/sh
	echo "No devices were found" >&2; exit 6
	END
	echo "<nvidia_smi_log><gpu>" >"$(home 4)/smi.xml" &&
	{ printf "Host dead\n HostName 127.0.0.1\n Port 1\n" && cat "$FLEET_SSH_CONFIG"; } >config &&
	expect_exit 3 perilune topo probe -F config -w "$all,127.1.0.[5-6],dead" -o - >out 2>err &&
	grep "nvidia-smi -q -x: exit 6 (No devices were found): 127.1.0.2" err &&
	grep "nvidia-smi -q -x: it cannot be read: line 2.*: 127.1.0.4" err &&
	grep "nvidia-smi: not there.*: 127.1.0.\[5-6\]" err &&
	grep "no answer: auth .*: dead" err &&
	grep "5 hosts of which nothing tells the GPUs, left out: 127.1.0.\[2,4-6\],dead" err &&
	grep "hosts = \"127.1.0.\[1,3\]\"" out
'

test_expect_success "a tray that moved and GPUs that vanished are named; the file before is kept" '
	program 2 nvidia-smi <<-\END &&
	#!/bin/sh
	cat "$HOME/smi.xml"
	END
	smi 2 3fbfc98b-0002 serial2 0 1 2 3 && smi 4 3fbfc98b-0002 serial2 0 1 3 &&
	cp machine.lua before.lua && probe -w "$all" -o machine.lua 2>err &&
	grep "changed: 127.1.0.2: its chassis serial was serial1 and is serial2: it moved" err &&
	grep "changed: 127.1.0.4: 1 GPU of 4 vanished" err && grep "kept as machine.lua~" err &&
	test_cmp before.lua machine.lua~ && ! grep "127.1.0.1: " err
'

test_expect_success "--previous compares with a file that stays as it is" '
	probe -w "$all" --previous before.lua >out 2>err && grep "changed: 127.1.0.2" err &&
	test_cmp before.lua machine.lua~ && grep "^return {" out &&
	probe -w "127.1.0.[1-3]" --previous before.lua >out 2>err &&
	grep "changed: 127.1.0.4: gone, and what it had: 4 GPUs" err
'

test_expect_success "a hung command is given up, and only that" '
	smi 2 3fbfc98b-0001 serial1 0 1 2 3 && smi 4 3fbfc98b-0002 serial2 0 1 2 3 &&
	program 3 lldpcli <<-\END &&
	#!/bin/sh
	exec sleep 600
	END
	probe -w "$all" -u 2s -o - >out 2>err &&
	grep "lldpcli -f json0 show neighbors: timeout.*: 127.1.0.3" err &&
	grep "hosts = \"127.1.0.\[1-4\]\"" out &&
	probe -w "$all" --skip lldpcli,lstopo -o - >out 2>err && ! grep lldp err
'

test_expect_success "the fabric is told by the first host that has ibnetdiscover, or the one named" '
	rm "$(home 3)/bin/lldpcli" &&
	for i in 2 3; do program $i ibnetdiscover <<-END || return 1
		#!/bin/sh
		echo "switchguid=0x1(1)"
		echo "Switch 40 \"S-0001\" # \"MF0;leaf$i:MQM9700/U1\" enhanced port 0 lid 1 lmc 0"
		for h in 1 2 3 4; do
			echo "[\$h] \"H-000\$h\"[1](1) # \"127.1.0.\$h mlx5_0\" lid 2 4xNDR"
		done
		echo "[5] \"H-0009\"[1](1) # \"storage1 mlx5_0\" lid 9 4xNDR"
		for h in 1 2 3 4; do
			echo; echo "caguid=0x\$h"; echo "Ca 1 \"H-000\$h\" # \"127.1.0.\$h mlx5_0\""
			echo "[1](\$h) \"S-0001\"[\$h] # lid 2 lmc 0 \"leaf\" lid 1 4xNDR"
		done
		echo; echo "caguid=0x9"; echo "Ca 1 \"H-0009\" # \"storage1 mlx5_0\""
		echo "[1](9) \"S-0001\"[5] # lid 9 lmc 0 \"leaf\" lid 1 4xNDR"
		END
	done &&
	probe -w "$all" -o - >out 2>err &&
	grep "1 host not of the fleet, left out: storage1" err &&
	grep "fact = \"leaf switch\", by = \"ibnetdiscover on 127.1.0.2\"" out &&
	grep "leaf = \"leaf2\"" out &&
	probe -w "$all" --fabric-from 127.1.0.3 -o - >out 2>err && grep "leaf = \"leaf3\"" out &&
	probe -w "$all" --fabric-from 127.1.0.1 --skip scontrol -o - >out 2>err &&
	grep "ibnetdiscover: not on 127.1.0.1; it would tell the InfiniBand fabric$" err
'

test_expect_success "what is told of a host by its own name is told of it, whatever the fleet says" '
	for i in 1 2 3 4; do
		printf "#!/bin/sh\necho tray$i.site.example\n" | program $i uname || return 1
	done &&
	sed -i "s/127.1.0.\(.\) mlx5/tray\1 mlx5/" "$(home 2)/bin/ibnetdiscover" &&
	sed -i "s/127.1.0.\\\$h/tray\$h/" "$(home 2)/bin/ibnetdiscover" &&
	probe -w "$all" -o - >out 2>err && ! grep "of the fleet, left out: .*tray" err &&
	grep "fact = \"leaf switch\", by = \"ibnetdiscover on 127.1.0.2\".*hosts = \"127.1.0.\[1-4\]\"" out
'

test_expect_success "a command that fails is told, and only who tells nothing makes the status 1" '
	printf "#!/bin/sh\necho no lldpd >&2; exit 1\n" | program 1 lldpcli &&
	probe -w "$all" -o - >out 2>err && grep "lldpcli.*: exit 1 (no lldpd): 127.1.0.1" err &&
	mv "$(home 4)/bin/nvidia-smi" smi.kept && expect_exit 1 probe -w "$all" -o - >out 2>err &&
	grep "1 host of which nothing tells the GPUs, left out: 127.1.0.4" err &&
	mv smi.kept "$(home 4)/bin/nvidia-smi" && rm "$(home 1)/bin/lldpcli"
'

test_expect_success "hosts are asked here, and in a simulation as its cluster file answers" '
	mkdir -p bin && cat >bin/nvidia-smi <<-END && chmod +x bin/nvidia-smi &&
	#!/bin/sh
	exec cat "$(home 1)/smi.xml"
	END
	PATH=$PWD/bin:$PATH perilune topo probe --transport local -w here1 >out 2>err &&
	grep "hosts = \"here1\"" out &&
	cat >fleet.lua <<-END &&
	return { hosts = "n[1-500]", sim = {
	  { match = "nvidia%-smi %-q %-x", reply = { stdout = [[$(cat "$(home 1)/smi.xml")]] } },
	  { match = "exec", reply = { code = 127 } } } }
	END
	perilune topo probe --transport sim -C ./fleet.lua -o - >out 2>err &&
	grep "hosts = \"n\[1-500\]\"" out && grep "lldpcli: not there.*: n\[1-500\]" err
'

test_done
