#!/usr/bin/env bash
# Sourced after spark-config.sh by the scripts that reach every worker host (spec B3, B5, B9, E13).
#
# The list is the file in SPARK_WORKERS (or SPARK_SLAVES), else conf/workers, else conf/slaves, else localhost alone.
# An entry is what ssh takes, or host:port, or [IPv6]:port. Entries that mean this very machine are run without ssh.
#
# SPARK_SSH_OPTS               options of ssh; default: -o StrictHostKeyChecking=no
# SPARK_SSH_FOREGROUND         when set: one host after the other, with the terminal, for passwords
# SPARK_WORKER_SLEEP           seconds between hosts (or SPARK_SLAVE_SLEEP)
# MAGNETO_SSH_PARALLEL         hosts at a time; default: 64
# MAGNETO_SSH_CONNECT_SECONDS  until a host that doesn't answer is given up; default: 10

# A connection that is up is given up when the host has said nothing for the product of both, in seconds.
readonly SSH_ALIVE_INTERVAL=15 SSH_ALIVE_COUNT=4
# More lanes than this many bytes would fill the pipe that hands them out.
readonly MOST_LANES=4096

hosts=()
list_name=""

# $1: what to say. Ends the script.
refuse() {
  echo "$(basename "$0"): $1" >&2
  exit 1
}

# $1: the old name; $2: the new one.
is_deprecated() {
  echo "$(basename "$0"): $1 is deprecated, use $2" >&2
}

# Prints the entries of the list, one a line. Blanks part entries, a file may come from Windows.
entries_of() {
  sed -e $'1s/^\xef\xbb\xbf//' -e 's/#.*$//' "$1" | tr -s '[:space:]' '\n' | sed '/^$/d'
}

# Fills `hosts` with the entries, each once.
read_hosts() {
  local candidate entry
  list_name="${SPARK_WORKERS:-}"
  if [ -z "${list_name}" ] && [ -n "${SPARK_SLAVES:-}" ]; then
    is_deprecated SPARK_SLAVES SPARK_WORKERS
    list_name="${SPARK_SLAVES}"
  fi
  if [ -n "${list_name}" ] && [ ! -f "${list_name}" ]; then
    refuse "the list of workers \"${list_name}\" is not a file: correct SPARK_WORKERS"
  fi
  for candidate in "${SPARK_CONF_DIR}/workers" "${SPARK_CONF_DIR}/slaves"; do
    [ -z "${list_name}" ] && [ -f "${candidate}" ] && list_name="${candidate}"
  done
  if [ -z "${list_name}" ]; then
    hosts=(localhost)
    return 0
  fi
  [ -r "${list_name}" ] || refuse "the list of workers \"${list_name}\" can't be read"
  while IFS= read -r entry; do
    case "${entry}" in
      -*) refuse "${list_name}: \"${entry}\" is not a host" ;;
      =*) echo "$(basename "$0"): ${list_name} has ${entry#=} more than once; it is used once" >&2 ;;
      *) hosts+=("${entry}") ;;
    esac
  done < <(entries_of "${list_name}" |
    awk '!seen[$0]++ { print; next } seen[$0] == 2 { print "=" $0 }')
  if [ "${#hosts[@]}" -eq 0 ]; then
    echo "$(basename "$0"): ${list_name} names no host" >&2
  fi
}

# Reads the settings of ssh once for all hosts.
read_ssh_settings() {
  lanes="${MAGNETO_SSH_PARALLEL:-64}"
  require_number MAGNETO_SSH_PARALLEL "${lanes}"
  if [ "${lanes}" -lt 1 ] || [ "${lanes}" -gt "${MOST_LANES}" ]; then
    refuse "bad value for MAGNETO_SSH_PARALLEL: \"${lanes}\" is not from 1 to ${MOST_LANES}"
  fi
  local seconds="${MAGNETO_SSH_CONNECT_SECONDS:-10}"
  require_number MAGNETO_SSH_CONNECT_SECONDS "${seconds}"
  pause="${SPARK_WORKER_SLEEP:-}"
  if [ -z "${pause}" ] && [ -n "${SPARK_SLAVE_SLEEP:-}" ]; then
    is_deprecated SPARK_SLAVE_SLEEP SPARK_WORKER_SLEEP
    pause="${SPARK_SLAVE_SLEEP}"
  fi
  if ! [[ "${pause:-0}" =~ ^[0-9]+([.][0-9]+)?$ ]]; then
    refuse "bad value for SPARK_WORKER_SLEEP: \"${pause}\" is not a number of seconds"
  fi
  # An array would be safer, but the variable is a line of options by definition. Of an option that is there twice,
  # ssh takes the first, so the user's win.
  ssh_options="${SPARK_SSH_OPTS:--o StrictHostKeyChecking=no}"
  ssh_options+=" -o ConnectTimeout=${seconds}"
  ssh_options+=" -o ServerAliveInterval=${SSH_ALIVE_INTERVAL} -o ServerAliveCountMax=${SSH_ALIVE_COUNT}"
  # Nobody could answer the password prompts of many at once.
  [ -n "${SPARK_SSH_FOREGROUND:-}" ] || ssh_options+=" -o BatchMode=yes"
  own_names=" localhost 127.0.0.1 ::1 [::1] $(hostname) $(own_host) "
}

is_this_machine() {
  [[ "${own_names}" == *" $1 "* ]]
}

# Sets `ssh_port` and `ssh_name` for one entry of the list.
resolve_entry() {
  local user="" host="$1"
  local bracketed='^\[(.*)\](:([0-9]+))?$' with_port='^([^:]+):([0-9]+)$'
  ssh_port=()
  ssh_name="$1"
  case "$1" in
    ssh://*) return 0 ;;
    *@*)
      user="${1%@*}@"
      host="${1##*@}"
      ;;
  esac
  if [[ "${host}" =~ ${bracketed} ]]; then
    ssh_name="${user}${BASH_REMATCH[1]}"
    [ -n "${BASH_REMATCH[3]}" ] && ssh_port=(-p "${BASH_REMATCH[3]}")
  elif [[ "${host}" =~ ${with_port} ]]; then
    ssh_name="${user}${BASH_REMATCH[1]}"
    ssh_port=(-p "${BASH_REMATCH[2]}")
  fi
  return 0
}

# $1: an entry of the list; $2: the command, a line for a shell there. A daemon that it starts must not keep the slots.
run_on() {
  if is_this_machine "$1"; then
    bash -c "$2" 8>&-
    return
  fi
  resolve_entry "$1"
  # shellcheck disable=SC2086,SC2029
  ssh ${ssh_port[@]+"${ssh_port[@]}"} ${ssh_options} "${ssh_name}" "$2" 8>&-
}

# One word for a shell, whatever is in it.
quoted() {
  printf "'%s'" "${1//\'/\'\\\'\'}"
}

# The words as one line for a shell, each kept as it is.
quoted_line() {
  local word line=""
  for word in "$@"; do
    line="${line:+${line} }$(quoted "${word}")"
  done
  echo "${line}"
}

# $1: the entry; $2: the status; $3: the last line of output; $4: the log of a daemon that ended. Prints why it failed.
failure() {
  if [ "$2" -eq 255 ] && ! is_this_machine "$1"; then
    case "$3" in
      *"Permission denied"* | *"verification failed"*) echo "failed: ssh: $3" ;;
      *) echo "failed: unreachable: ${3:-ssh ended with 255}" ;;
    esac
  elif [ -n "$4" ]; then
    echo "failed: it ended at once; its log: $4"
  else
    echo "failed: exit status $2${3:+: $3}"
  fi
}

# Passes the output of one host on, each line behind its name, and writes down what came of it.
# $1: the entry; $2: the file with the exit status; $3: the file for the outcome. The sentences are spark-daemon.sh's.
relay() {
  local text last="" status log="" did="" running=""
  while IFS= read -r text || [ -n "${text}" ]; do
    # Messages of ssh itself end as on a raw terminal.
    text="${text%$'\r'}"
    printf '%s: %s\n' "$1" "${text}"
    [ -n "${text}" ] && last="${text}"
    case "${text}" in
      "starting "*", logging to "*) did=started ;;
      *" running as process "*"  Stop it first.") running=yes ;;
      "stopping "*) did="${did:-stopped}" ;;
      *" is still shutting down") did="still shutting down" ;;
      "decommissioning "*) did=decommissioned ;;
      "no "*" to stop" | "no "*" to decommission") did="${did:-not running}" ;;
      "full log in "*) log="${text#full log in }" ;;
    esac
  done
  status="$(cat "$2" 2>/dev/null)"
  if [ "${status:-1}" -eq 0 ]; then
    echo "${did:-done}"
  elif [ "${running}" = yes ] && [ -z "${log}" ] && [ "${status}" -eq 1 ]; then
    # The other instances of this host, if any, were started.
    echo "${did:-already running}"
  else
    failure "$1" "${status:-1}" "${last}" "${log}"
  fi >"$3"
}

# $1: its number in the list; $2: the line.
run_prefixed() {
  local host="${hosts[$1]}"
  {
    run_on "${host}" "$2" 2>&1
    echo "$?" >"${scratch}/$1.status"
  } | relay "${host}" "${scratch}/$1.status" "${scratch}/$1.outcome"
}

# One slot a lane: whoever takes a byte may run, and puts it back at its end.
run_in_lanes() {
  local index
  mkfifo "${scratch}/slots" || exit 1
  exec 8<>"${scratch}/slots"
  printf '%*s' "${lanes}" "" >&8
  for index in "${!hosts[@]}"; do
    IFS= read -r -n 1 -u 8
    # A group of its own, so that an interrupt can end ssh with all that it started here.
    set -m
    {
      run_prefixed "${index}" "$1" </dev/null
      printf ' ' >&8
    } &
    set +m
    [ -n "${pause}" ] && [ $((index + 1)) -lt "${#hosts[@]}" ] && sleep "${pause}"
  done
  wait
  exec 8>&-
}

# $1: "" prints every host's outcome, "failures" only those on stderr. Says how many there are of each; 1 when one failed.
conclude() {
  local index outcome failed=0 lines=""
  for index in "${!hosts[@]}"; do
    outcome="$(cat "${scratch}/${index}.outcome" 2>/dev/null)"
    [ -n "${outcome}" ] || outcome="failed: interrupted"
    case "${outcome}" in
      failed:*) failed=$((failed + 1)) ;;
      *) [ -n "$1" ] && continue ;;
    esac
    lines+="${hosts[index]}: ${outcome}"$'\n'
  done
  if [ -n "$1" ]; then
    [ "${failed}" -eq 0 ] && return 0
    printf '%s%s\n' "${lines}" "$(basename "$0"): failed on ${failed} of ${#hosts[@]} hosts" >&2
    return 1
  fi
  printf '%s' "${lines}"
  printf '%s' "${lines}" | awk -v total="${#hosts[@]}" '
    { sub(/^[^ ]*: /, ""); sub(/:.*/, ""); if (!count[$0]++) order[++kinds] = $0 }
    END {
      printf "%d host%s", total, total == 1 ? "" : "s"
      for (i = 1; i <= kinds; i++) printf "%s %d %s", i == 1 ? ":" : ",", count[order[i]], order[i]
      print ""
    }'
  [ "${failed}" -eq 0 ]
}

# What an interrupt leaves: nothing that runs here, and what came of the hosts so far.
interrupted() {
  local pid
  trap '' INT TERM HUP
  for pid in $(jobs -rp); do
    kill -- "-${pid}" 2>/dev/null
  done
  wait 2>/dev/null
  conclude "${conclusion}"
  exit 130
}

# Runs a line on all `hosts`. $1: what conclude() takes; $2: the line. 1 when it failed anywhere.
on_every_host() {
  local index
  [ "${#hosts[@]}" -gt 0 ] || return 0
  read_ssh_settings
  scratch="$(mktemp -d "${TMPDIR:-/tmp}/magneto-hosts.XXXXXX")" || exit 1
  trap 'rm -rf "${scratch}"' EXIT
  conclusion="$1"
  trap interrupted INT TERM HUP
  if [ -n "${SPARK_SSH_FOREGROUND:-}" ]; then
    for index in "${!hosts[@]}"; do
      run_prefixed "${index}" "$2"
      [ -n "${pause}" ] && [ $((index + 1)) -lt "${#hosts[@]}" ] && sleep "${pause}"
    done
  else
    run_in_lanes "$2"
  fi
  trap - INT TERM HUP
  conclude "$1"
}
