#!/usr/bin/env bash
# Sourced by magneto and spark-class after load-spark-env.sh: becomes the Node process, so that the daemon is the
# very process that was started.

# The first with crc32 in node:zlib, which the journal stands on.
readonly MAGNETO_MIN_NODE=20.15

# $1: program name for messages; the rest: arguments of src/cli/main.ts.
launch_node() {
  local program="$1" node main version
  shift
  node="${MAGNETO_NODE:-node}"
  main="${MAGNETO_HOME}/dist/src/cli/main.js"
  if ! version="$("${node}" --version 2>/dev/null)"; then
    echo "${program}: Node.js was not found: install version ${MAGNETO_MIN_NODE} or later, or set MAGNETO_NODE to its binary" >&2
    exit 1
  fi
  version="${version#v}"
  if [ "$(printf '%s\n' "${MAGNETO_MIN_NODE}" "${version}" | sort -V | head -n 1)" != "${MAGNETO_MIN_NODE}" ]; then
    echo "${program}: Node.js ${version} is too old: install version ${MAGNETO_MIN_NODE} or later, or set MAGNETO_NODE to its binary" >&2
    exit 1
  fi
  if [ ! -f "${main}" ]; then
    echo "${program}: not built: run \"npm install && npm run build\" in ${MAGNETO_HOME}" >&2
    exit 1
  fi
  set -- "${main}" "$@"
  # glibc gives each of the master's threads an arena of its own to allocate in: 2 MB of it idle, and more the more cores
  # there are. Not for the worker: what it starts would inherit that.
  if [ "${2:-}" = org.apache.spark.deploy.master.Master ]; then
    export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-2}"
    # V8 marks and compacts a heap that has grown by its usual few MB, the buffers of messages among them: twenty times a
    # second under load, for 5 to 20 ms each. With this much room (MB, for each thread) it has to every few seconds.
    set -- --initial-old-space-size=64 "$@"
  fi
  exec "${node}" "$@"
}
