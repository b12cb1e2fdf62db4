/** What the kernel knows of a process (proc(5)). */
import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ, the same on every Linux. */
const TICKS_PER_SECOND = 100

function statOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
}

/** @returns processor seconds, user and system, of all its threads so far; without its children */
export function cpuSeconds(pid: number): number {
  const fields = statOf(pid)
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** The same of the process and of all children that it has waited for. */
export function cpuSecondsWithChildren(pid: number): number {
  const sum = statOf(pid)
    .slice(11, 15)
    .reduce((all, ticks) => all + Number(ticks), 0)
  return sum / TICKS_PER_SECOND
}

/** @returns seconds that all processors together have worked, or were taken away by a host, since the machine was started */
export function machineBusySeconds(): number {
  const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number)
  const ticks = [user, nice, system, irq, softirq, steal].reduce<number>(
    (sum, count) => sum + (count ?? 0),
    0,
  )
  return ticks / TICKS_PER_SECOND
}

/** Whether any of its threads runs, or waits for a processor to run on. */
export function isBusy(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).some((thread) => {
    try {
      return readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8').split(') ')[1]![0] === 'R'
    } catch {
      // It ended while we looked.
      return false
    }
  })
}

/** @returns resident memory, in bytes */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  if (kilobytes === undefined) throw new Error(`process ${pid} has no memory any more`)
  return Number(kilobytes) * 1024
}
