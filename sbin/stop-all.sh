#!/usr/bin/env bash
# Stops all workers, then the master (spec B6). With --wait it returns when no worker process is left.

readonly POLL_SECONDS=10

# shellcheck source=sbin/spark-config.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/spark-config.sh"

wait_for_workers=""
case "${1:-}" in
  "") ;;
  --wait) wait_for_workers=yes ;;
  --help | -h)
    echo "Usage: ./sbin/stop-all.sh [--wait]" >&2
    exit 0
    ;;
  *)
    echo "stop-all.sh: unknown option \"$1\": expected --wait" >&2
    exit 1
    ;;
esac

failed=0
"${MAGNETO_HOME}/sbin/stop-workers.sh" || failed=1
"${MAGNETO_HOME}/sbin/stop-master.sh" || failed=1

# Of this installation alone: another cluster may have workers on the same hosts.
workers_left() {
  "${MAGNETO_HOME}/sbin/workers.sh" ps -A -ww -o args= |
    grep -F -- "${MAGNETO_HOME}/" | grep -qF -- "${WORKER_CLASS}"
}

if [ -n "${wait_for_workers}" ]; then
  echo "Waiting for workers to shut down..."
  while workers_left; do
    sleep "${POLL_SECONDS}"
  done
  echo "All workers successfully shut down."
fi
exit "${failed}"
