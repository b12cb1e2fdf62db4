#!/bin/sh
# Prints this machine's NVIDIA GPUs for spark.worker.resource.gpu.discoveryScript:
#   {"name": "gpu", "addresses": ["0", "1"]}
#
# A GPU is named by its index. One that is split (MIG) is named by the UUIDs of its instances, since nothing
# runs on it as a whole. Where CUDA_VISIBLE_DEVICES is set, only what it lists is offered.
set -eu

fail() {
  echo "nvidia-gpus.sh: $*" >&2
  exit 1
}

command -v nvidia-smi >/dev/null || fail "there is no nvidia-smi in the PATH: is the driver installed?"

# One GPU a line, `index, uuid, mig mode`; drivers without MIG do not know the last field.
if ! gpus=$(nvidia-smi --query-gpu=index,uuid,mig.mode.current --format=csv,noheader 2>/dev/null); then
  gpus=$(nvidia-smi --query-gpu=index,uuid --format=csv,noheader) ||
    fail "nvidia-smi failed: ${gpus:-it said nothing}"
fi

# What can be used, one a line: `address uuid`.
devices=$(
  echo "${gpus}" | while IFS=', ' read -r index uuid mig; do
    case ${index} in
      '') ;;
      *[!0-9]*) fail "nvidia-smi printed something else than an index: ${index} ${uuid}" ;;
      *) [ "${mig:-}" = Enabled ] || echo "${index} ${uuid}" ;;
    esac
  done
  case ${gpus} in
    *Enabled*)
      # Lines such as `  MIG 1g.10gb  Device 0: (UUID: MIG-...)` below those of the GPUs.
      nvidia-smi -L | sed -n 's/^ *MIG .*(UUID: *\([^)]*\)).*$/\1 \1/p'
      ;;
  esac
)

# As CUDA reads it: in this order, each an index, or the beginning of a UUID that is no other's; the first that
# is none of them hides all behind it.
visible() {
  old_ifs=${IFS}
  IFS=,
  # shellcheck disable=SC2086 # split at the commas
  set -f -- ${CUDA_VISIBLE_DEVICES}
  IFS=${old_ifs}
  for wanted in "$@"; do
    wanted=$(echo "${wanted}" | tr -d ' ')
    case ${wanted} in
      GPU-* | MIG-*) found=$(echo "${devices}" | awk -v uuid="${wanted}" 'index($2, uuid) == 1 {print $1}') ;;
      *) found=$(echo "${devices}" | awk -v address="${wanted}" '$1 == address "" {print $1}') ;;
    esac
    case ${found} in
      '' | *[!A-Za-z0-9/_.-]*)
        echo "nvidia-gpus.sh: CUDA_VISIBLE_DEVICES: '${wanted}' is no single device here" >&2
        return
        ;;
    esac
    echo "${found}"
  done
}

if [ "${CUDA_VISIBLE_DEVICES+set}" = set ]; then
  addresses=$(visible)
else
  addresses=$(echo "${devices}" | cut -d ' ' -f 1)
fi

list=
for address in ${addresses}; do
  list="${list}${list:+, }\"${address}\""
done
echo "{\"name\": \"gpu\", \"addresses\": [${list}]}"
