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

# Workers that are missing can be started beside a master that runs already.
if ! "${MAGNETO_HOME}/sbin/spark-daemon.sh" status "${MASTER_CLASS}" 1 >/dev/null; then
  "${MAGNETO_HOME}/sbin/start-master.sh" || exit 1
else
  echo "${MASTER_CLASS} is already running"
fi
exec "${MAGNETO_HOME}/sbin/start-workers.sh"
