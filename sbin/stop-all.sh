#!/usr/bin/env bash
# Stops all workers, then the master (spec B6): stop-all.sh [--wait [seconds]]
#
# With --wait it returns when no worker process is left on the hosts that answer, and says every while on which there
# is one. Ends with 1 when something could not be stopped, when a host can't tell, or when the seconds are over.

# Between two looks, in seconds; the first come sooner.
readonly LONGEST_POLL_SECONDS=10

# shellcheck source=sbin/spark-config.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/spark-config.sh"
# shellcheck source=sbin/hosts.sh
. "${MAGNETO_HOME}/sbin/hosts.sh"

usage="Usage: ./sbin/stop-all.sh [--wait [seconds]]"
wait_for_workers=""
limit=""
case "$#:${1:-}" in
  0:) ;;
  1:--wait) wait_for_workers=yes ;;
  2:--wait)
    wait_for_workers=yes
    limit="$2"
    require_number --wait "${limit}"
    ;;
  1:--help | 1:-h)
    echo "${usage}" >&2
    exit 0
    ;;
  *)
    echo "${usage}" >&2
    refuse "unknown option \"$*\": expected --wait"
    ;;
esac

failed=0
"${MAGNETO_HOME}/sbin/stop-workers.sh" || failed=1
"${MAGNETO_HOME}/sbin/stop-master.sh" || failed=1
[ -n "${wait_for_workers}" ] || exit "${failed}"

# Prints which of `hosts` still run a worker of this installation: another cluster may have workers there as well.
# The brackets keep the search from finding itself. 1 when a host could not be asked.
hosts_with_workers() {
  local counts status=0
  counts="$(on_every_host failures "ps -A -ww -o args= | grep -F $(quoted "${MAGNETO_HOME}/") |
    grep -c '${WORKER_CLASS/deploy/[d]eploy}' || :")" || status=1
  sed -n 's/: [1-9][0-9]*$//p' <<<"${counts}" | sort
  return "${status}"
}

echo "Waiting for workers to shut down..."
poll=1
read_hosts 2>/dev/null
while :; do
  left="$(hosts_with_workers)" || failed=1
  [ -n "${left}" ] || break
  # The others are done, or have said why they can't tell.
  IFS=$'\n' read -r -d '' -a hosts <<<"${left}"
  echo "still running: ${hosts[*]}"
  if [ -n "${limit}" ] && [ "${SECONDS}" -ge "${limit}" ]; then
    echo "stop-all.sh: gave up after ${limit} seconds" >&2
    exit 1
  fi
  sleep "${poll}"
  poll=$((poll * 2 < LONGEST_POLL_SECONDS ? poll * 2 : LONGEST_POLL_SECONDS))
done
if [ "${failed}" -ne 0 ]; then
  echo "stop-all.sh: no worker is left on the hosts that answered; not all could be stopped or asked" >&2
  exit 1
fi
echo "All workers successfully shut down."
