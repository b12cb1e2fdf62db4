#!/usr/bin/env bash
# Stops the workers of this machine (spec B5).

# shellcheck source=sbin/spark-config.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/spark-config.sh"

instances="$(worker_instances)" || exit 1
failed=0
for ((number = 1; number <= instances; number++)); do
  "${MAGNETO_HOME}/sbin/spark-daemon.sh" stop "${WORKER_CLASS}" "${number}" || failed=1
done
exit "${failed}"
