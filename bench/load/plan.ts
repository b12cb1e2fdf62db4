/**
 * Every row that is measured with played peers: which scenario, how large, how often, and what it is to reach. Sizes of ours
 * are larger where a clock of ticks could not see it otherwise, those of Apache's smaller where it would take minutes.
 */
import type { Figure } from '../figures.js'
import type { Kind } from '../masters.js'
import { duel, type DuelPlan } from './duel.js'
import { figuresOf, growth, latency, masterCpu, rate, type Reading } from './figures-of.js'
import type { ScenarioSize } from './scenario.js'
import { starts } from './start.js'

export interface LoadOptions {
  /** Whether Apache's is left out. */
  readonly alone: boolean
  /** null: as the plan says. */
  readonly runs: number | null
}

interface Row {
  readonly what: string
  readonly plan: DuelPlan
  readonly readings: readonly Reading[]
}

const small: ScenarioSize = { workers: 1_000, concurrency: 1, operations: 1_000, waiting: 0 }
const fullSeconds = 300
/** What a JVM needs until further runs are no faster; ours has compiled what it needs by then, too. */
const warmUpSeconds = 10

interface Sizes {
  readonly ours: Partial<ScenarioSize>
  /** Absent: as ours. null: it cannot be measured with Apache's. */
  readonly apache?: Partial<ScenarioSize> | null
  readonly runs?: number
  readonly apacheRuns?: number
  readonly warmUpSeconds?: number
  readonly apacheWarmUpSeconds?: number
  readonly properties?: readonly string[]
}

function plan(scenario: string, sizes: Sizes): DuelPlan {
  const { ours, runs = 3, apacheRuns = runs, warmUpSeconds: warmUp = 2, properties = [] } = sizes
  const apache = sizes.apache === undefined ? {} : sizes.apache
  return {
    scenario,
    properties,
    withinSeconds: fullSeconds,
    magneto: { size: { ...small, ...ours }, runs, warmUpSeconds: warmUp },
    apache:
      apache === null
        ? null
        : {
            size: { ...small, ...ours, ...apache },
            runs: apacheRuns,
            warmUpSeconds: sizes.apacheWarmUpSeconds ?? warmUpSeconds,
          },
  }
}

const asks: Record<string, Row> = {
  'ask-one': {
    what: 'an ask and its answer, one at a time',
    plan: plan('ask-one', { ours: { operations: 20_000 }, apache: { operations: 5_000 } }),
    readings: [masterCpu('us'), latency(0.5, { atMostOfApache: 1 }), latency(0.99)],
  },
  'ask-256': {
    what: 'an ask and its answer, 256 in flight',
    plan: plan('ask-256', { ours: { operations: 100_000, concurrency: 256 } }),
    readings: [masterCpu('us', { atMost: 10 }), rate(), latency(0.99)],
  },
}

const registrations: Record<string, Row> = {
  'registrations-1000': {
    what: 'worker registration, 1,000 at once',
    plan: plan('registrations', { ours: { operations: 1_000 }, runs: 5 }),
    readings: [masterCpu('us', { atMost: 100 }), rate({ atLeast: 5_000 })],
  },
  'registrations-10000': {
    what: 'worker registration, 10,000 at once',
    plan: plan('registrations', {
      ours: { workers: 10_000, operations: 10_000 },
      runs: 2,
      apacheRuns: 1,
      warmUpSeconds: 0,
      apacheWarmUpSeconds: 0,
    }),
    readings: [masterCpu('us', { atMost: 100 }), rate({ atLeast: 5_000 })],
  },
  'control-registrations': {
    what: 'control protocol: worker registration, 10,000 at once',
    plan: plan('control-registrations', { ours: { workers: 10_000 }, apache: null }),
    readings: [masterCpu('us'), rate({ atLeast: 20_000 })],
  },
  'control-registrations-durable': {
    what: 'control protocol: worker registration, 10,000 at once, on disk before the answer',
    plan: plan('control-registrations', {
      ours: { workers: 10_000 },
      apache: null,
      properties: [
        'spark.deploy.recoveryMode FILESYSTEM',
        'spark.deploy.recoveryDirectory RECOVERY',
      ],
    }),
    readings: [masterCpu('us'), rate({ atLeast: 20_000 })],
  },
}

const heartbeats: Record<string, Row> = {
  heartbeats: {
    what: 'heartbeat, one a connection and read',
    plan: plan('heartbeats', { ours: { operations: 200_000 }, apache: { operations: 50_000 } }),
    readings: [masterCpu('us', { atMost: 6 }), rate()],
  },
  'control-heartbeats': {
    what: 'control protocol: heartbeat, one a link and read',
    plan: plan('control-heartbeats', { ours: { operations: 500_000 }, apache: null }),
    readings: [masterCpu('us', { atMost: 3 }), rate({ atLeast: 300_000 })],
  },
  'control-heartbeats-50': {
    what: 'control protocol: heartbeat, 50 a read',
    plan: plan('control-heartbeats', {
      ours: { operations: 2_000_000, concurrency: 50 },
      apache: null,
    }),
    readings: [masterCpu('us', { atMost: 3 }), rate({ atLeast: 300_000 })],
  },
}

const applications: Record<string, Row> = {
  'control-small-applications': {
    what: 'control protocol: small application, one at a time',
    plan: plan('control-small-applications', { ours: {}, apache: null }),
    readings: [masterCpu('us', { atMost: 500 }), latency(0.5, { atMost: 1 }), latency(0.99)],
  },
  'control-held-applications': {
    what: 'control protocol: application with one executor',
    plan: plan('control-held-applications', {
      ours: { workers: 10_000, operations: 2_000, concurrency: 32 },
      apache: null,
      warmUpSeconds: 0,
    }),
    readings: [growth('resident memory of each')],
  },
}

const rows: Readonly<Record<string, Row>> = {
  ...asks,
  ...registrations,
  ...heartbeats,
  ...applications,
}

function shortened({ plan: whole }: Row, { alone, runs }: LoadOptions): DuelPlan {
  const { magneto, apache } = whole
  return {
    ...whole,
    magneto: magneto && { ...magneto, runs: runs ?? magneto.runs },
    apache: alone ? null : apache && { ...apache, runs: Math.min(runs ?? Infinity, apache.runs) },
  }
}

/** The benches of this table, by name. */
export const loadBenches: Readonly<Record<string, (options: LoadOptions) => Promise<Figure[]>>> = {
  start: ({ alone, runs }) => {
    const kinds: Kind[] = alone ? ['magneto'] : ['magneto', 'apache']
    return starts(kinds, runs ?? 5)
  },
  ...Object.fromEntries(
    Object.entries(rows).map(([name, row]) => [
      name,
      async (options: LoadOptions) =>
        figuresOf(row.what, row.readings, await duel(shortened(row, options))),
    ]),
  ),
}
