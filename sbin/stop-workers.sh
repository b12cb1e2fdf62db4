#!/usr/bin/env bash
# Stops the workers on every host of the list (spec B5). At the end one line a host says what came of it.

# shellcheck source=sbin/spark-config.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/spark-config.sh"
# shellcheck source=sbin/hosts.sh
. "${MAGNETO_HOME}/sbin/hosts.sh"

read_hosts
on_every_host "" "cd $(quoted "${MAGNETO_HOME}") && $(quoted_line "${MAGNETO_HOME}/sbin/stop-worker.sh")"
