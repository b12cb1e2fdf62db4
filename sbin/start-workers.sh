#!/usr/bin/env bash
# Starts the workers on every host of the list (spec B3): start-workers.sh [options of the workers]
#
# At the end one line a host says what came of it. Ends with 1 when one failed; a worker that runs already has not.

# shellcheck source=sbin/spark-config.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/spark-config.sh"
# shellcheck source=sbin/hosts.sh
. "${MAGNETO_HOME}/sbin/hosts.sh"

if asks_for_help "$@"; then
  echo "Usage: ./sbin/start-workers.sh [options of the workers]" >&2
  exec "${MAGNETO_HOME}/bin/spark-class" "${WORKER_CLASS}" --help
fi
if [ -n "${SPARK_NO_DAEMONIZE+set}" ]; then
  refuse "SPARK_NO_DAEMONIZE runs one daemon in the foreground: use start-worker.sh"
fi

master="spark://${SPARK_MASTER_HOST:-$(own_host)}:${SPARK_MASTER_PORT:-7077}"

read_hosts
on_every_host "" "cd $(quoted "${MAGNETO_HOME}") && $(quoted_line "${MAGNETO_HOME}/sbin/start-worker.sh" "${master}" "$@")"
