#!/usr/bin/env bash
# Starts the workers on every host of conf/workers (spec B3). Arguments go to the workers.

# shellcheck source=sbin/spark-config.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/spark-config.sh"

master="spark://${SPARK_MASTER_HOST:-$(own_host)}:${SPARK_MASTER_PORT:-7077}"

exec "${MAGNETO_HOME}/sbin/workers.sh" cd "${MAGNETO_HOME}" \; \
  "${MAGNETO_HOME}/sbin/start-worker.sh" "${master}" "$@"
