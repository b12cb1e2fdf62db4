#!/usr/bin/env bash
# Stops the master of this machine (spec B5).

# shellcheck source=sbin/spark-config.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/spark-config.sh"

exec "${MAGNETO_HOME}/sbin/spark-daemon.sh" stop "${MASTER_CLASS}" 1
