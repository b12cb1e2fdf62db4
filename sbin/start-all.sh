#!/usr/bin/env bash
# Starts a master here and the workers of conf/workers; without that file, one here (spec B4).

# shellcheck source=sbin/spark-config.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/spark-config.sh"

if asks_for_help "$@"; then
  echo "Usage: ./sbin/start-all.sh" >&2
  exit 0
fi
if [ -n "${SPARK_NO_DAEMONIZE+set}" ]; then
  echo "start-all.sh: SPARK_NO_DAEMONIZE runs one daemon in the foreground: use start-master.sh or start-worker.sh" >&2
  exit 1
fi

"${MAGNETO_HOME}/sbin/start-master.sh" || exit 1
exec "${MAGNETO_HOME}/sbin/start-workers.sh"
