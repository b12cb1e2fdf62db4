#!/usr/bin/env bash
# Starts the workers of this machine (spec B2): start-worker.sh <master> [options]
#
# SPARK_WORKER_INSTANCES   how many; default: 1
# SPARK_WORKER_PORT        port of the first, the others count up; default: any free one
# SPARK_WORKER_WEBUI_PORT  port of the first's web UI, the others count up; default: 8081

# shellcheck source=sbin/spark-config.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/spark-config.sh"

if [ $# -lt 1 ]; then
  echo "Usage: ./sbin/start-worker.sh <master> [options]" >&2
  "${MAGNETO_HOME}/bin/spark-class" "${WORKER_CLASS}" --help
  exit 1
fi
if asks_for_help "$@"; then
  echo "Usage: ./sbin/start-worker.sh <master> [options]" >&2
  exec "${MAGNETO_HOME}/bin/spark-class" "${WORKER_CLASS}" --help
fi

instances="$(worker_instances)" || exit 1
ui_port="${SPARK_WORKER_WEBUI_PORT:-8081}"
port="${SPARK_WORKER_PORT:-}"
require_number SPARK_WORKER_WEBUI_PORT "${ui_port}"
[ -n "${port}" ] && require_number SPARK_WORKER_PORT "${port}"

if [ -n "${SPARK_NO_DAEMONIZE+set}" ] && [ "${instances}" -gt 1 ]; then
  echo "start-worker.sh: SPARK_NO_DAEMONIZE runs one worker in the foreground: unset SPARK_WORKER_INSTANCES, which is ${instances}" >&2
  exit 1
fi

# The n-th port after one; 0 stays "any free one".
nth_port() {
  if [ "$1" -eq 0 ]; then echo 0; else echo $(($1 + $2 - 1)); fi
}

# $1: the instance; the rest goes to the worker. Replaces this script when it runs in the foreground.
start_instance() {
  local number="$1" run=()
  shift
  [ -n "${SPARK_NO_DAEMONIZE+set}" ] && run=(exec)
  [ -n "${port}" ] && set -- --port "$(nth_port "${port}" "${number}")" "$@"
  ${run[@]+"${run[@]}"} "${MAGNETO_HOME}/sbin/spark-daemon.sh" start "${WORKER_CLASS}" "${number}" \
    --webui-port "$(nth_port "${ui_port}" "${number}")" "$@"
}

failed=0
for ((number = 1; number <= instances; number++)); do
  start_instance "${number}" "$@" || failed=1
done
exit "${failed}"
