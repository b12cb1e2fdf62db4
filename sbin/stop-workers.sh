#!/usr/bin/env bash
# Stops the workers on every host of conf/workers (spec B5).

# shellcheck source=sbin/spark-config.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/spark-config.sh"

exec "${MAGNETO_HOME}/sbin/workers.sh" cd "${MAGNETO_HOME}" \; \
  "${MAGNETO_HOME}/sbin/stop-worker.sh"
