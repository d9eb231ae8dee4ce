#!/bin/sh
# known_hosts.sh   What it costs to know 10,000 hosts and to work out how they are reached, in CPU.
set -eu
exec "$PERILUNE_BUILDDIR/t/bench/known_hosts"
