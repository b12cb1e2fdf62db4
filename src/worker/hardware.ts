/**
 * What this machine, this container and this process may use: cores and memory (C10, C11). The smallest of what
 * systeminformation says, the CPU affinity allows and the cgroups (v1 or v2) leave.
 */
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { cpu, mem } from 'systeminformation'

const MIB = 1024 * 1024
/** Left to the system and the worker itself (C11). */
const RESERVED_MB = 1024
const MIN_MEMORY_MB = 1024
/** When the size of memory can't be learnt (C11). */
const ASSUMED_MEMORY_MB = 2048
/** A v1 limit from here on means none: the kernel writes the largest page-aligned number. */
const UNLIMITED_BYTES = 2 ** 60
const MAX_CGROUP_DEPTH = 64

export interface Hardware {
  cores: number
  memoryMb: number
}

/** null: no limit. */
export interface CgroupLimits {
  cpus: number | null
  memoryBytes: number | null
}

export interface MachineProbe {
  /** Logical processors of the machine; 0: not known. */
  processors(): Promise<number>
  /** 0: not known. */
  memoryBytes(): Promise<number>
  /** Processors that the affinity of this process leaves. */
  affinity(): number
  limits(): Promise<CgroupLimits>
}

export const machineProbe: MachineProbe = {
  processors: async () => (await cpu()).cores,
  memoryBytes: async () => (await mem()).total,
  affinity: () => availableParallelism(),
  limits: () => readCgroupLimits('/'),
}

/** Never throws: what can't be learnt counts as absent. */
export async function detectHardware(probe: MachineProbe = machineProbe): Promise<Hardware> {
  const [processors, memoryBytes, limits] = await Promise.all([
    probe.processors().catch(() => 0),
    probe.memoryBytes().catch(() => 0),
    probe.limits().catch((): CgroupLimits => ({ cpus: null, memoryBytes: null })),
  ])
  return {
    cores: usableCores(processors, probe.affinity(), limits.cpus),
    memoryMb: usableMemoryMb(memoryBytes, limits.memoryBytes),
  }
}

/** A part of a processor counts as one, as the JVM does it; never below 1. */
export function usableCores(processors: number, affinity: number, quota: number | null): number {
  const known = [processors, affinity].filter((count) => Number.isFinite(count) && count > 0)
  const quotas = quota === null ? [] : [Math.ceil(quota)]
  return Math.max(1, Math.floor(Math.min(...known, ...quotas, known.length === 0 ? 1 : Infinity)))
}

/** MiB: all less 1 GiB, never below 1 GiB. */
export function usableMemoryMb(totalBytes: number, limitBytes: number | null): number {
  const assumed = ASSUMED_MEMORY_MB * MIB
  const physical = Number.isFinite(totalBytes) && totalBytes > 0 ? totalBytes : assumed
  const usable = limitBytes === null ? physical : Math.min(physical, limitBytes)
  return Math.max(Math.floor(usable / MIB) - RESERVED_MB, MIN_MEMORY_MB)
}

/** The tightest limits on the way from this process's cgroup up to the root. @param root where /proc and /sys are */
export async function readCgroupLimits(root: string): Promise<CgroupLimits> {
  const membership = (await read(join(root, 'proc/self/cgroup'))) ?? ''
  const lines = membership.split('\n').flatMap((line) => {
    const match = /^\d+:([^:]*):(.*)$/.exec(line.trim())
    return match === null ? [] : [{ controllers: match[1] ?? '', path: match[2] ?? '/' }]
  })
  const mounts = join(root, 'sys/fs/cgroup')
  const limits: CgroupLimits = { cpus: null, memoryBytes: null }
  for (const { controllers, path } of lines) {
    const names = controllers.split(',')
    if (controllers === '') {
      for (const folder of ancestors(mounts, path)) {
        tighten(limits, 'cpus', quotaV2(await read(join(folder, 'cpu.max'))))
        tighten(limits, 'memoryBytes', bytes(await read(join(folder, 'memory.max'))))
      }
    }
    if (names.includes('cpu')) {
      for (const mount of new Set([controllers, 'cpu', 'cpu,cpuacct', 'cpuacct,cpu'])) {
        for (const folder of ancestors(join(mounts, mount), path)) {
          const quota = await read(join(folder, 'cpu.cfs_quota_us'))
          const period = await read(join(folder, 'cpu.cfs_period_us'))
          tighten(limits, 'cpus', ratio(quota, period))
        }
      }
    }
    if (names.includes('memory')) {
      for (const folder of ancestors(join(mounts, 'memory'), path)) {
        tighten(limits, 'memoryBytes', bytes(await read(join(folder, 'memory.limit_in_bytes'))))
      }
    }
  }
  return limits
}

/**
 * The folders of a cgroup and of all above it. Inside a container the path may be that of the host and missing
 * here; the mount itself is then the container's own cgroup, and it is always in the list.
 */
function ancestors(mount: string, path: string): string[] {
  const folders: string[] = []
  let at = posix.normalize(`/${path}`).replaceAll('/..', '') || '/'
  for (let depth = 0; depth < MAX_CGROUP_DEPTH; depth += 1) {
    folders.push(join(mount, at))
    if (at === '/') return folders
    at = dirname(at)
  }
  return [...folders, mount]
}

function tighten(limits: CgroupLimits, name: keyof CgroupLimits, limit: number | null): void {
  if (limit === null) return
  const before = limits[name]
  limits[name] = before === null ? limit : Math.min(before, limit)
}

/** "200000 100000" is two processors, "max 100000" all of them. */
function quotaV2(text: string | null): number | null {
  const [quota, period] = (text ?? '').trim().split(/\s+/)
  return ratio(quota ?? null, period ?? '100000')
}

function ratio(quota: string | null, period: string | null): number | null {
  const value = Number(quota?.trim() || 'none') / Number(period?.trim() || 'none')
  return Number.isFinite(value) && value > 0 ? value : null
}

function bytes(text: string | null): number | null {
  const value = Number(text?.trim() || 'none')
  return Number.isFinite(value) && value > 0 && value < UNLIMITED_BYTES ? value : null
}

async function read(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return null
  }
}
