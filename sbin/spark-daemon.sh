#!/usr/bin/env bash
# Starts, stops and watches one daemon of this machine (spec B8). Called by the other scripts.
#
# SPARK_CONF_DIR       configuration; default: conf beside sbin
# SPARK_LOG_DIR        logs; default: logs beside sbin
# SPARK_LOG_MAX_FILES  old logs that are kept; default: 5
# SPARK_PID_DIR        pid files; default: /tmp
# SPARK_IDENT_STRING   part of the names of both; default: the user
# SPARK_NICENESS       priority; default: 0
# SPARK_NO_DAEMONIZE   when set: run in the foreground as this very process, without pid file and log file
# SPARK_MASTER         host:path of an installation that is copied here first, with rsync

usage="Usage: spark-daemon.sh [--config <conf-dir>] (start|stop|submit|decommission|status) <class> <instance number> [arguments]"

# How long `stop` waits for a process to go, and `start` for a new one: ours say when they are up, of others nothing
# is known. A worker is watched a little longer, since a master may refuse it at once.
readonly TICK_SECONDS=0.1 STOP_TICKS=100 READY_TICKS=100 WATCH_TICKS=20 REFUSAL_TICKS=5

# shellcheck source=sbin/config-option.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/config-option.sh"
if [ $# -le 2 ]; then
  echo "${usage}" >&2
  exit 1
fi

# shellcheck source=sbin/spark-config.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/spark-config.sh"

action="$1"
command="$2"
instance="$3"
shift 3
require_number "the instance" "${instance}"

ident="${SPARK_IDENT_STRING:-${USER:-$(id -un)}}"
export SPARK_IDENT_STRING="${ident}"
pid_dir="${SPARK_PID_DIR:-/tmp}"
log_dir="${SPARK_LOG_DIR:-${MAGNETO_HOME}/logs}"
name="spark-${ident}-${command}-${instance}"
pid_file="${pid_dir}/${name}.pid"
log="${log_dir}/${name}-${HOSTNAME:-$(hostname)}.out"

# Alive means: the process is there and still is the one that was started, not another that got its number (B11).
is_alive() {
  local arguments
  [[ "$1" =~ ^[0-9]+$ ]] || return 1
  if [ -d /proc/self ]; then
    arguments="$(tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline")" || return 1
  else
    arguments="$(ps -ww -p "$1" -o args= 2>/dev/null)" || return 1
  fi
  [[ "${arguments}" == *"${command}"* ]]
}

recorded_pid() {
  [ -f "${pid_file}" ] && head -n 1 "${pid_file}"
}

make_folder() {
  if ! mkdir -p "$1" 2>/dev/null || [ ! -w "$1" ]; then
    echo "spark-daemon.sh: can't write to $1: make it writable, or set $2" >&2
    exit 1
  fi
}

# Before anything is touched.
check_settings() {
  if ! [[ "${SPARK_LOG_MAX_FILES:-5}" =~ ^[1-9][0-9]*$ ]]; then
    echo "spark-daemon.sh: bad value for SPARK_LOG_MAX_FILES: \"${SPARK_LOG_MAX_FILES}\" is not a number from 1" >&2
    exit 1
  fi
  if ! [[ "${SPARK_NICENESS:-0}" =~ ^-?[0-9]+$ ]]; then
    echo "spark-daemon.sh: bad value for SPARK_NICENESS: \"${SPARK_NICENESS}\" is not a whole number" >&2
    exit 1
  fi
}

# log -> log.1 -> log.2 and so on; the oldest goes.
rotate_log() {
  local number="${SPARK_LOG_MAX_FILES:-5}"
  [ -f "${log}" ] || return 0
  while [ "${number}" -gt 1 ]; do
    [ -f "${log}.$((number - 1))" ] && mv -f "${log}.$((number - 1))" "${log}.${number}"
    number=$((number - 1))
  done
  mv -f "${log}" "${log}.1"
}

# E14. Many environments use the variable for a master's URL instead; nothing is copied from one.
copy_installation() {
  case "${SPARK_MASTER:-}" in
    "" | spark://*) return 0 ;;
  esac
  local folder kept=(--exclude=.git --exclude='/logs/*' --exclude='/work/*')
  # What belongs to this host stays, wherever below the installation it is.
  for folder in "${pid_dir}" "${log_dir}" "${SPARK_WORKER_DIR:-}"; do
    case "${folder}" in
      "${MAGNETO_HOME}"/*) kept+=("--exclude=${folder#"${MAGNETO_HOME}"}") ;;
    esac
  done
  echo "rsync from ${SPARK_MASTER}"
  if ! rsync -a -e "ssh ${SPARK_SSH_OPTS:--o StrictHostKeyChecking=no} -o BatchMode=yes" --delete "${kept[@]}" \
    "${SPARK_MASTER}/" "${MAGNETO_HOME}"; then
    echo "spark-daemon.sh: copying from ${SPARK_MASTER} failed; unset SPARK_MASTER to start without" >&2
    exit 1
  fi
}

# $1: the process; $2: the file that it writes when it is up. 1 when it died within its first moments.
watch_start() {
  local ticks=0 ready_ticks="${WATCH_TICKS}" settle_ticks=0
  case "${command}" in
    "${MASTER_CLASS}") ready_ticks="${READY_TICKS}" ;;
    "${WORKER_CLASS}")
      ready_ticks="${READY_TICKS}"
      settle_ticks="${REFUSAL_TICKS}"
      ;;
  esac
  # A child of ours is gone once the shell has reaped it; its command line is empty while it turns into Node.
  while [ "${ticks}" -lt "${ready_ticks}" ] && [ ! -s "$2" ] && kill -0 "$1" 2>/dev/null; do
    sleep "${TICK_SECONDS}"
    ticks=$((ticks + 1))
  done
  while [ "${settle_ticks}" -gt 0 ] && kill -0 "$1" 2>/dev/null; do
    sleep "${TICK_SECONDS}"
    settle_ticks=$((settle_ticks - 1))
  done
  kill -0 "$1" 2>/dev/null
}

# Runs in the background until it is up, or a while has passed; a process that dies meanwhile shows its last words.
start_in_background() {
  local ready pid
  make_folder "${pid_dir}" SPARK_PID_DIR
  make_folder "${log_dir}" SPARK_LOG_DIR
  rotate_log
  echo "starting ${command}, logging to ${log}"
  ready="$(mktemp "${TMPDIR:-/tmp}/magneto-ready.XXXXXX")" || exit 1
  # shellcheck disable=SC2064
  trap "rm -f '${ready}'" EXIT
  # A process group of its own: an interrupt at the terminal must not reach the daemon.
  set -m
  MAGNETO_DAEMON=1 MAGNETO_READY_FILE="${ready}" \
    nohup nice -n "${SPARK_NICENESS:-0}" "$@" >>"${log}" 2>&1 </dev/null &
  pid=$!
  set +m
  if ! echo "${pid}" >"${pid_file}"; then
    kill "${pid}"
    echo "spark-daemon.sh: can't write ${pid_file}: make it writable, or set SPARK_PID_DIR" >&2
    exit 1
  fi
  if ! watch_start "${pid}" "${ready}"; then
    rm -f "${pid_file}"
    echo "failed to launch: $*" >&2
    tail -10 "${log}" | sed 's/^/  /' >&2
    echo "full log in ${log}" >&2
    exit 1
  fi
}

start() {
  local pid
  check_settings
  if [ -n "${SPARK_NO_DAEMONIZE+set}" ]; then
    copy_installation
    exec nice -n "${SPARK_NICENESS:-0}" "$@"
  fi
  pid="$(recorded_pid)"
  if is_alive "${pid}"; then
    echo "${command} running as process ${pid}.  Stop it first." >&2
    exit 1
  fi
  copy_installation
  start_in_background "$@"
}

stop() {
  local pid ticks=0
  pid="$(recorded_pid)"
  if ! is_alive "${pid}"; then
    [ -f "${pid_file}" ] && rm -f "${pid_file}"
    echo "no ${command} to stop"
    return 0
  fi
  echo "stopping ${command}"
  if ! kill "${pid}"; then
    echo "spark-daemon.sh: can't stop process ${pid}" >&2
    exit 1
  fi
  rm -f "${pid_file}"
  # So that what follows finds the ports free again.
  while [ "${ticks}" -lt "${STOP_TICKS}" ] && is_alive "${pid}"; do
    sleep "${TICK_SECONDS}"
    ticks=$((ticks + 1))
  done
  if is_alive "${pid}"; then
    echo "${command} (process ${pid}) is still shutting down"
  fi
}

decommission() {
  local pid
  pid="$(recorded_pid)"
  if ! is_alive "${pid}"; then
    echo "no ${command} to decommission"
    return 0
  fi
  echo "decommissioning ${command}"
  if ! kill -s PWR "${pid}"; then
    echo "spark-daemon.sh: can't signal process ${pid}" >&2
    exit 1
  fi
}

status() {
  local pid
  if [ ! -f "${pid_file}" ]; then
    echo "${command} not running."
    exit 2
  fi
  pid="$(recorded_pid)"
  if is_alive "${pid}"; then
    echo "${command} is running."
    exit 0
  fi
  echo "${pid_file} file is present but ${command} not running"
  exit 1
}

case "${action}" in
  start)
    start "${MAGNETO_HOME}/bin/spark-class" "${command}" "$@"
    ;;
  submit)
    if [ ! -x "${SPARK_HOME:-}/bin/spark-submit" ]; then
      echo "spark-daemon.sh: submit needs SPARK_HOME to name an Apache Spark distribution" >&2
      exit 1
    fi
    start "${SPARK_HOME}/bin/spark-submit" --class "${command}" "$@"
    ;;
  stop) stop ;;
  decommission) decommission ;;
  status) status ;;
  *)
    echo "${usage}" >&2
    exit 1
    ;;
esac
