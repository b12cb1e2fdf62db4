#!/usr/bin/env bash
# Runs a command on every host of the list (spec B9): workers.sh [--config <conf-dir>] <command>
#
# Blanks inside a word of the command are kept; all else is for the shell there, so operators work. hosts.sh says where
# the list is, which entries it takes, and what the environment sets. Ends with 1 when the command failed anywhere.

# shellcheck source=sbin/config-option.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/config-option.sh"
if [ $# -lt 1 ]; then
  echo "Usage: workers.sh [--config <conf-dir>] <command>" >&2
  exit 1
fi

# shellcheck source=sbin/spark-config.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/spark-config.sh"
# shellcheck source=sbin/hosts.sh
. "${MAGNETO_HOME}/sbin/hosts.sh"

line=""
for word in "$@"; do
  line="${line:+${line} }${word// /\\ }"
done
read_hosts
on_every_host failures "${line}"
