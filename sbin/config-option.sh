#!/usr/bin/env bash
# Sourced, without arguments of its own, before spark-config.sh: takes `--config <conf-dir>` (spec B8, B9) off the
# front of the caller's arguments, which a sourced `shift` reaches.
if [ "${1:-}" = --config ]; then
  if [ ! -d "${2:-}" ]; then
    echo "$(basename "$0"): --config needs a folder; \"${2:-}\" is none" >&2
    exit 1
  fi
  SPARK_CONF_DIR="$(cd "$2" && pwd)"
  export SPARK_CONF_DIR
  shift 2
fi
