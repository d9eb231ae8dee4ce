#!/bin/sh
# What t0625 says, of sessions that the system's ssh carries.
SUPERVISED_BY=openssh
. "${PERILUNE_SRCDIR:-.}/t/t0625-supervisor.t"
