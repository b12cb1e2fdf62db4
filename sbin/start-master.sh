#!/usr/bin/env bash
# Starts a master on this machine (spec B1). Arguments go to the master; see --help.

# shellcheck source=sbin/spark-config.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/spark-config.sh"

if asks_for_help "$@"; then
  echo "Usage: ./sbin/start-master.sh [options]" >&2
  exec "${MAGNETO_HOME}/bin/spark-class" "${MASTER_CLASS}" --help
fi

exec "${MAGNETO_HOME}/sbin/spark-daemon.sh" start "${MASTER_CLASS}" 1 \
  --host "${SPARK_MASTER_HOST:-$(own_host)}" \
  --port "${SPARK_MASTER_PORT:-7077}" \
  --webui-port "${SPARK_MASTER_WEBUI_PORT:-8080}" \
  "$@"
