#!/usr/bin/env bash
# Sourced by every script here: where things lie (spec B10, E10 to E13). Values that are set already stay.

# Whom the caller names as the list of hosts beats what spark-env.sh says (B9).
callers_workers="${SPARK_WORKERS:-}"
callers_slaves="${SPARK_SLAVES:-}"

# shellcheck source=bin/load-spark-env.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../bin/load-spark-env.sh"

if [ -n "${callers_workers}" ]; then
  export SPARK_WORKERS="${callers_workers}"
elif [ -n "${callers_slaves}" ]; then
  unset SPARK_WORKERS
  export SPARK_SLAVES="${callers_slaves}"
fi

export MASTER_CLASS=org.apache.spark.deploy.master.Master
export WORKER_CLASS=org.apache.spark.deploy.worker.Worker

# The name others reach this machine by; not every hostname(1) knows -f.
own_host() {
  hostname -f 2>/dev/null || hostname
}

# Whether the last argument asks for help; -h elsewhere is the short form of --host.
asks_for_help() {
  local last=""
  [ $# -gt 0 ] && last="${!#}"
  [ "${last}" = --help ] || [ "${last}" = -h ]
}

# $1: what the shell calls the setting; $2: its value. Ends the script unless it is a whole number.
require_number() {
  if ! [[ "$2" =~ ^[0-9]+$ ]]; then
    echo "$(basename "$0"): bad value for $1: \"$2\" is not a whole number" >&2
    exit 1
  fi
}

# How many workers this machine runs (E5).
worker_instances() {
  local instances="${SPARK_WORKER_INSTANCES:-1}"
  require_number SPARK_WORKER_INSTANCES "${instances}"
  echo "${instances}"
}
