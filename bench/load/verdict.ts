/** Whether what was sampled again and again stayed as it was: the last third of the windows against the first. */
import { median } from '../figures.js'

export interface Window {
  /** Since the first window began, at its end. */
  readonly atSeconds: number
  readonly residentMb: number
  /** Of one core, in percent, over the window. */
  readonly cpuPercent: number
  readonly operations: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** What may be more at the end than it was at the start: a share of it, and what noise alone can add to little. */
interface Allowance {
  readonly share: number
  readonly plus: number
}

type Watched = 'residentMb' | 'cpuPercent' | 'p50Ms' | 'p99Ms'

/**
 * Memory moves with when garbage was last collected; processor time and medians with what else a machine does; a window's
 * 99th percentile is a few of its operations.
 */
const allowances: Readonly<Record<Watched, Allowance>> = {
  residentMb: { share: 0.05, plus: 8 },
  cpuPercent: { share: 0.15, plus: 1 },
  p50Ms: { share: 0.25, plus: 0.1 },
  p99Ms: { share: 0.5, plus: 1 },
}

/** Below it a third is too little to have a median. */
export const windowsMin = 9

export interface Verdict {
  readonly what: Watched
  /** Medians of the windows of each third. */
  readonly first: number
  readonly last: number
  readonly perHour: number
  /** The most that the last third may show. */
  readonly allowed: number
  readonly isFlat: boolean
}

function verdictOn(what: Watched, windows: readonly Window[]): Verdict {
  const third = Math.floor(windows.length / 3)
  const [start, end] = [windows.slice(0, third), windows.slice(-third)]
  const of = (part: readonly Window[]) => median(part.map((window) => window[what]))
  const at = (part: readonly Window[]) => median(part.map(({ atSeconds }) => atSeconds))
  const [first, last] = [of(start), of(end)]
  const { share, plus } = allowances[what]
  const allowed = first * (1 + share) + plus
  const perHour = ((last - first) / (at(end) - at(start))) * 3600
  return { what, first, last, perHour, allowed, isFlat: last <= allowed }
}

/** @throws RangeError for fewer windows than `windowsMin` */
export function verdicts(windows: readonly Window[]): Verdict[] {
  if (windows.length < windowsMin)
    throw new RangeError(`${windows.length} windows say nothing; ${windowsMin} are needed`)
  return (Object.keys(allowances) as Watched[]).map((what) => verdictOn(what, windows))
}
