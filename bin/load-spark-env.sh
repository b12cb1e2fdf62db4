#!/usr/bin/env bash
# Sourced, never run. Sets MAGNETO_HOME and SPARK_CONF_DIR and reads conf/spark-env.sh once, exporting all it sets (spec B10).
# SPARK_HOME is left alone: it names the Apache Spark distribution that executors start from.

MAGNETO_HOME="$(cd -P "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)"
export MAGNETO_HOME
export SPARK_CONF_DIR="${SPARK_CONF_DIR:-${MAGNETO_HOME}/conf}"

# Children inherit the guard and the values with it, so a script that starts another reads the file once.
if [ -z "${SPARK_ENV_LOADED:-}" ]; then
  export SPARK_ENV_LOADED=1
  if [ -f "${SPARK_CONF_DIR}/spark-env.sh" ]; then
    set -a
    # shellcheck source=/dev/null
    . "${SPARK_CONF_DIR}/spark-env.sh"
    set +a
  fi
fi
