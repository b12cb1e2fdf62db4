#!/bin/sh
# Prints as many GPUs as asked for, to try things out where there are none: `fake-gpus.sh 4`, or FAKE_GPUS=4 in
# the worker's environment, since a worker runs its discovery scripts without arguments. Two otherwise.
set -eu

count=${1:-${FAKE_GPUS:-2}}
case ${count} in
  '' | *[!0-9]* | ?????*)
    echo "fake-gpus.sh: '${count}' is no number of GPUs: expected 0 to 9999" >&2
    exit 1
    ;;
esac

list=
at=0
while [ "${at}" -lt "${count}" ]; do
  list="${list}${list:+, }\"${at}\""
  at=$((at + 1))
done
echo "{\"name\": \"gpu\", \"addresses\": [${list}]}"
