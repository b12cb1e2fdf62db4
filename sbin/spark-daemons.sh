#!/usr/bin/env bash
# Runs spark-daemon.sh on every worker host (spec B9): spark-daemons.sh [--config <conf-dir>] <its arguments>

# The list of hosts is that folder's as well.
if [ "${1:-}" = --config ] && [ -d "${2:-}" ]; then
  SPARK_CONF_DIR="$(cd "$2" && pwd)"
  export SPARK_CONF_DIR
fi

# shellcheck source=sbin/spark-config.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/spark-config.sh"
# shellcheck source=sbin/hosts.sh
. "${MAGNETO_HOME}/sbin/hosts.sh"

if [ $# -le 2 ]; then
  echo "Usage: spark-daemons.sh [--config <conf-dir>] (start|stop|submit|decommission|status) <class> <instance number> [arguments]" >&2
  exit 1
fi

read_hosts
on_every_host "" "cd $(quoted "${MAGNETO_HOME}") && $(quoted_line "${MAGNETO_HOME}/sbin/spark-daemon.sh" "$@")"
