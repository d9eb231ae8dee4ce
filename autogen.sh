#!/bin/sh
# Makes ./configure from configure.ac. Needed once in a clone; a release archive has it already.
set -eu
cd "$(dirname "$0")"
for tool in autoconf automake pkg-config; do
	command -v "$tool" >/dev/null || {
		echo "autogen.sh: $tool is missing: apt-get install autoconf automake pkg-config" >&2
		exit 1
	}
done
autoreconf --install --force --warnings=all,no-portability
# Autoconf's clean-up removes a core dump called "core"; here that is a folder, and rm would complain.
sed 's/rm -f core \*\.core/rm -f *.core/' configure >configure.tmp
cat configure.tmp >configure
rm -f configure.tmp
