#!/usr/bin/env bash
# Takes the workers of this machine out of service (spec B7): decommission-worker.sh [--block-until-exit]
#
# They start nothing new from then on, and stay until they are stopped, or until the deadline that
# spark.magneto.worker.decommissionDeadline sets. --block-until-exit returns when all of them are gone.

readonly POLL_SECONDS=1

# shellcheck source=sbin/spark-config.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/spark-config.sh"

block=
case "$#:${1:-}" in
  0:) ;;
  1:--block-until-exit) block=1 ;;
  *)
    echo "Usage: ./sbin/decommission-worker.sh [--block-until-exit]" >&2
    exit 1
    ;;
esac

daemon() {
  "${MAGNETO_HOME}/sbin/spark-daemon.sh" "$1" "${WORKER_CLASS}" "$2"
}

instances="$(worker_instances)" || exit 1
failed=0
for ((number = 1; number <= instances; number++)); do
  daemon decommission "${number}" || failed=1
done
[ -n "${block}" ] || exit "${failed}"

for ((number = 1; number <= instances; number++)); do
  while daemon status "${number}" >/dev/null; do
    sleep "${POLL_SECONDS}"
  done
done
exit "${failed}"
