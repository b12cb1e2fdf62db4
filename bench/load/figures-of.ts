/** From the runs of one scenario to rows of the table. */
import { type Aim, type Figure, quantile, rounded, type Spread, spreadOf } from '../figures.js'
import type { DuelRuns, SideRuns } from './duel.js'
import type { Run } from './generator.js'

/** What can be read off a run. */
export interface Reading {
  readonly name: string
  readonly unit: string
  /** One value a run, or one of the whole side. */
  readonly of: (side: SideRuns) => number[]
  readonly aim?: Aim
  /** Whether a generator that can do no more falsifies it: rates and latencies, never processor time or memory. */
  readonly ofTheGeneratorToo: boolean
  /** Whether it is processor time, which is counted in ticks. */
  readonly isOfTheClock?: boolean
}

/** @returns what one run shows, of each */
function ofRuns(of: (run: Run) => number): Reading['of'] {
  return ({ runs }) => runs.map(of)
}

/** A core that a generator with one thread can use up to that share is all it has. */
const busyShare = 0.85
/** Of the clock of /proc; user and system time are each cut to one. */
const tickSeconds = 0.01
/** Below it two ticks are more than a tenth. */
const coarseSeconds = 0.2
/** Of all processors; beyond it rates and latencies are the machine's. */
const othersShareMax = 0.1

export function masterCpu(unit: 'us' | 'ms', aim?: Aim): Reading {
  const factor = unit === 'us' ? 1e6 : 1e3
  return {
    name: 'master CPU each',
    unit,
    of: ofRuns(
      ({ masterCpuSeconds, observed }) => (masterCpuSeconds / observed.operations) * factor,
    ),
    ofTheGeneratorToo: false,
    isOfTheClock: true,
    ...(aim && { aim }),
  }
}

export function rate(aim?: Aim): Reading {
  return {
    name: 'rate',
    unit: '/s',
    of: ofRuns(({ observed }) => observed.operations / observed.seconds),
    ofTheGeneratorToo: true,
    ...(aim && { aim }),
  }
}

export function latency(q: number, aim?: Aim): Reading {
  return {
    name: `p${q * 100}`,
    unit: 'ms',
    of: ofRuns(({ observed }) => quantile(observed.latenciesMs ?? [], q)),
    ofTheGeneratorToo: true,
    ...(aim && { aim }),
  }
}

/** @param name as the scenario calls it */
export function moment(name: string, aim?: Aim): Reading {
  return {
    name,
    unit: 'ms',
    of: ofRuns(({ observed }) => {
      const found = observed.moments?.[name]
      if (found === undefined) throw new Error(`the scenario did not observe '${name}'`)
      return found
    }),
    ofTheGeneratorToo: true,
    ...(aim && { aim }),
  }
}

export function growth(name: string, aim?: Aim): Reading {
  return {
    name,
    unit: 'bytes',
    of: ofRuns(
      ({ residentBefore, residentAfter, observed }) =>
        (residentAfter - residentBefore) / observed.operations,
    ),
    ofTheGeneratorToo: false,
    ...(aim && { aim }),
  }
}

/** What the prepared cluster takes: its workers, and what the master has not given back of their coming. */
export const memoryOfWorker: Reading = {
  name: 'resident memory of a worker',
  unit: 'bytes',
  of: ({ idleBytes, preparedBytes, size }) => [(preparedBytes - idleBytes) / size.workers],
  ofTheGeneratorToo: false,
}

/** Why the generator was the limit of a run, and not the master. null: it was not */
export function generatorLimit(run: Run): string | null {
  const { observed, masterCpuSeconds, generatorCpuSeconds } = run
  const share = generatorCpuSeconds / observed.seconds
  if (share > busyShare) return `the generator used ${(share * 100).toFixed(0)}% of a core`
  if (generatorCpuSeconds > masterCpuSeconds)
    return `the generator used ${(generatorCpuSeconds / Math.max(masterCpuSeconds, 0.01)).toFixed(1)} times the master's CPU`
  return null
}

function conditions({ size, runs }: SideRuns): string {
  const { operations, seconds } = runs[0]!.observed
  const { workers, concurrency } = size
  const took = `${operations.toLocaleString('en')} in ${rounded(seconds)} s`
  return `${took}, ${workers.toLocaleString('en')} workers, ${concurrency} at once, ${runs.length} runs`
}

/** What ticks make of runs that took little of it. */
function coarseNote(sides: readonly (SideRuns | null)[]): string | null {
  const runs = sides.flatMap((side) => side?.runs ?? [])
  const least = runs.reduce((one, other) =>
    one.masterCpuSeconds <= other.masterCpuSeconds ? one : other,
  )
  if (least.masterCpuSeconds >= coarseSeconds) return null
  const us = (2 * tickSeconds * 1e6) / least.observed.operations
  return `too short for the clock: within ${rounded(us)} us`
}

/** What else the machine did, when that was much. */
function othersNote(sides: readonly (SideRuns | null)[]): string | null {
  const shares = sides.flatMap((side) =>
    (side?.runs ?? []).map(({ othersShare }) => othersShare ?? 0),
  )
  const most = Math.max(...shares)
  return most < othersShareMax
    ? null
    : `other work took up to ${(most * 100).toFixed(0)}% of the machine`
}

function noteOf(reading: Reading, { magneto, apache }: DuelRuns): string {
  const parts = [magneto, apache].flatMap((side, index) =>
    side === null ? [] : [`${index === 0 ? '' : 'Apache: '}${conditions(side)}`],
  )
  if (!reading.ofTheGeneratorToo) {
    const coarse = coarseNote([magneto, apache])
    return [...parts, ...(reading.isOfTheClock === true && coarse !== null ? [coarse] : [])].join(
      '; ',
    )
  }
  for (const side of [magneto, apache]) {
    const limited = side?.runs.map(generatorLimit).find((limit) => limit !== null)
    if (limited !== undefined && side !== null)
      parts.push(`${side === apache ? "Apache's" : 'ours'}: limited by the generator, ${limited}`)
  }
  const others = othersNote([magneto, apache])
  if (others !== null) parts.push(others)
  return parts.join('; ')
}

function spread(reading: Reading, side: SideRuns | null): Spread | undefined {
  return side === null ? undefined : spreadOf(reading.of(side))
}

/** @param what the operation, in words @param runs with ours among them */
export function figuresOf(what: string, readings: readonly Reading[], runs: DuelRuns): Figure[] {
  return readings.map((reading) => {
    const ours = spread(reading, runs.magneto)
    const apache = spread(reading, runs.apache)
    if (ours === undefined) throw new Error(`nothing of ours was measured of: ${what}`)
    return {
      name: `${what}: ${reading.name}`,
      value: ours.value,
      unit: reading.unit,
      note: noteOf(reading, runs),
      spread: ours,
      ...(apache && { apache }),
      ...(reading.aim && { aim: reading.aim }),
    }
  })
}
