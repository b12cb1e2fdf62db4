#!/bin/sh
# Prints this machine's AMD GPUs for spark.worker.resource.gpu.discoveryScript:
#   {"name": "gpu", "addresses": ["0", "1"]}
#
# amd-smi is asked, else rocm-smi, else the kernel. Where ROCR_VISIBLE_DEVICES is set, only what it lists is offered.
set -eu

# Where the kernel says what it has; another place is for tests.
topology=${KFD_TOPOLOGY:-/sys/class/kfd/kfd/topology/nodes}

fail() {
  echo "amd-gpus.sh: $*" >&2
  exit 1
}

# Nodes of the kernel that are no processors, in its order; those that this user may not use can't be read.
kernel_gpus() {
  count=0
  for node in $(cd "${topology}" && echo [0-9]* | tr ' ' '\n' | sort -n); do
    if awk '$1 == "simd_count" && $2 > 0 {found = 1} END {exit !found}' \
      "${topology}/${node}/properties" 2>/dev/null; then
      echo "${count}"
      count=$((count + 1))
    fi
  done
}

if command -v amd-smi >/dev/null; then
  # Lines such as `0,0000:01:00.0,...` below a heading.
  output=$(amd-smi list --csv) || fail "amd-smi list --csv failed: ${output:-it said nothing}"
  devices=$(echo "${output}" | sed -n 's/^\([0-9][0-9]*\),.*$/\1/p')
elif command -v rocm-smi >/dev/null; then
  # Lines such as `card0,AMD Instinct MI210,...` below a heading.
  output=$(rocm-smi --showid --csv) || fail "rocm-smi --showid --csv failed: ${output:-it said nothing}"
  devices=$(echo "${output}" | sed -n 's/^card\([0-9][0-9]*\),.*$/\1/p')
elif [ -d "${topology}" ]; then
  devices=$(kernel_gpus)
else
  fail "there is neither amd-smi nor rocm-smi in the PATH, nor ${topology}: is the driver installed?"
fi
# A GPU in several partitions has several lines.
devices=$(echo "${devices}" | sort -n -u)

if [ "${ROCR_VISIBLE_DEVICES+set}" = set ]; then
  visible=
  for wanted in $(echo "${ROCR_VISIBLE_DEVICES}" | tr ',' ' '); do
    case ${wanted} in
      *[!0-9]*) fail "ROCR_VISIBLE_DEVICES: '${wanted}' is no index, and others are not served" ;;
    esac
    # The first that is not there hides all behind it.
    echo "${devices}" | grep -qx "${wanted}" || break
    visible="${visible} ${wanted}"
  done
  devices=${visible}
fi

list=
for address in ${devices}; do
  list="${list}${list:+, }\"${address}\""
done
echo "{\"name\": \"gpu\", \"addresses\": [${list}]}"
