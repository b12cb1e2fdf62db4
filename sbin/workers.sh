#!/usr/bin/env bash
# Runs a command on every host of the list (spec B9): workers.sh [--config <conf-dir>] <command>
#
# The list is the file in SPARK_WORKERS (or SPARK_SLAVES), else conf/workers, else conf/slaves, else localhost alone.
# SPARK_SSH_OPTS        default: -o StrictHostKeyChecking=no
# SPARK_SSH_FOREGROUND  when set: one host after the other, with the terminal, for passwords
# SPARK_WORKER_SLEEP    seconds between hosts (or SPARK_SLAVE_SLEEP)
#
# Entries that mean this very machine are run without ssh. Ends with 1 when the command failed anywhere.

# shellcheck source=sbin/config-option.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/config-option.sh"
if [ $# -lt 1 ]; then
  echo "Usage: workers.sh [--config <conf-dir>] <command>" >&2
  exit 1
fi

# shellcheck source=sbin/spark-config.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/spark-config.sh"

list="${SPARK_WORKERS:-${SPARK_SLAVES:-}}"
if [ -n "${list}" ] && [ ! -f "${list}" ]; then
  echo "workers.sh: the list of workers \"${list}\" is not a file: correct SPARK_WORKERS" >&2
  exit 1
fi
for candidate in "${SPARK_CONF_DIR}/workers" "${SPARK_CONF_DIR}/slaves"; do
  [ -z "${list}" ] && [ -f "${candidate}" ] && list="${candidate}"
done
hosts="localhost"
[ -n "${list}" ] && hosts="$(sed 's/#.*$//; s/[[:space:]]//g; /^$/d' "${list}")"

# An array would be safer, but the variable is a line of options by definition.
ssh_options="${SPARK_SSH_OPTS:--o StrictHostKeyChecking=no}"
pause="${SPARK_WORKER_SLEEP:-${SPARK_SLAVE_SLEEP:-}}"

# The words of the command in one line, as ssh sends it: blanks inside a word are kept, operators work.
line=""
for word in "$@"; do
  line="${line:+${line} }${word// /\\ }"
done

is_this_machine() {
  case "$1" in
    localhost | 127.0.0.1 | ::1 | "[::1]" | "$(hostname)" | "$(own_host)") return 0 ;;
  esac
  return 1
}

run_on() {
  if is_this_machine "$1"; then
    bash -c "${line}"
  else
    # shellcheck disable=SC2086,SC2029
    ssh ${ssh_options} "$1" "${line}"
  fi
}

# Every line of output says where it comes from; the status is that of the command.
run_prefixed() {
  local host="$1"
  run_on "${host}" 2>&1 </dev/null | while IFS= read -r text || [ -n "${text}" ]; do
    printf '%s: %s\n' "${host}" "${text}"
  done
  return "${PIPESTATUS[0]}"
}

failed=0
pids=()
for host in ${hosts}; do
  if [ -n "${SPARK_SSH_FOREGROUND+set}" ]; then
    run_on "${host}" || failed=1
  else
    run_prefixed "${host}" &
    pids+=($!)
  fi
  [ -n "${pause}" ] && sleep "${pause}"
done
for pid in ${pids[@]+"${pids[@]}"}; do
  wait "${pid}" || failed=1
done
exit "${failed}"
