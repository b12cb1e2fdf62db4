/**
 * Every row that is measured with played peers: which scenario, how large, how often, and what it is to reach. Sizes of ours
 * are larger where a clock of ticks could not see it otherwise, those of Apache's smaller where it would take minutes.
 */
import type { DuelPlan } from './duel.js'
import {
  growth,
  latency,
  masterCpu,
  memoryOfWorker,
  moment,
  rate,
  type Reading,
} from './figures-of.js'
import type { ScenarioSize } from './scenario.js'

export interface Row {
  readonly what: string
  readonly plan: DuelPlan
  readonly readings: readonly Reading[]
}

const small: ScenarioSize = { workers: 1_000, concurrency: 1, operations: 1_000, waiting: 0 }
const withinSeconds = 300
/** Both sides compile what they have seen often; the JVM takes longer until further runs are no faster. */
const warmUpSeconds = 5
const apacheWarmUpSeconds = 10
/** Where a run of Apache's takes many seconds: one. */
const oneRun = 1

interface Sizes {
  readonly ours: Partial<ScenarioSize>
  /** Absent: as ours. null: it cannot be measured with Apache's. */
  readonly apache?: Partial<ScenarioSize> | null
  readonly runs?: number
  readonly apacheRuns?: number
  readonly warmUpSeconds?: number
  readonly apacheWarmUpSeconds?: number
  readonly properties?: readonly string[]
  readonly withinSeconds?: number
  readonly apacheIsLeft?: boolean
  readonly masterDies?: boolean
}

function plan(scenario: string, sizes: Sizes): DuelPlan {
  const { ours, runs = 3, apacheRuns = runs, properties = [] } = sizes
  const apache = sizes.apache === undefined ? {} : sizes.apache
  return {
    scenario,
    properties: [patience, ...properties],
    masterDies: sizes.masterDies ?? false,
    withinSeconds: sizes.withinSeconds ?? withinSeconds,
    magneto: {
      size: { ...small, ...ours },
      runs,
      warmUpSeconds: sizes.warmUpSeconds ?? warmUpSeconds,
    },
    apache:
      apache === null
        ? null
        : {
            size: { ...small, ...ours, ...apache },
            runs: apacheRuns,
            warmUpSeconds: sizes.apacheWarmUpSeconds ?? apacheWarmUpSeconds,
            isLeft: sizes.apacheIsLeft ?? false,
          },
  }
}

/** Of both masters: on a busy machine thousands of played workers beat late, and that is no death. */
const patience = 'spark.worker.timeout 600'
const onDisk = ['spark.deploy.recoveryMode FILESYSTEM', 'spark.deploy.recoveryDirectory RECOVERY']

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
      runs: 3,
      apacheRuns: 1,
      apacheWarmUpSeconds: oneRun,
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
      properties: onDisk,
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

const costAim = { atMost: 500 }

const applications: Record<string, Row> = {
  'small-applications': {
    what: 'small application, one at a time, 1,000 workers',
    plan: plan('small-applications', { ours: {}, apache: { operations: 100 } }),
    readings: [
      masterCpu('us', costAim),
      rate(),
      latency(0.5, { atMost: 1 }),
      latency(0.99),
      latency(0.999),
    ],
  },
  'small-applications-32': {
    what: 'small application, 32 at once, 1,000 workers',
    plan: plan('small-applications', {
      ours: { concurrency: 32, operations: 2_000 },
      apache: { operations: 160 },
    }),
    readings: [
      masterCpu('us', costAim),
      rate({ atLeast: 1_000 }),
      latency(0.5, { atMost: 20 }),
      latency(0.99),
      latency(0.999),
    ],
  },
  'small-applications-10000': {
    what: 'small application, one at a time, 10,000 workers',
    plan: plan('small-applications', {
      ours: { workers: 10_000 },
      apache: { operations: 10 },
      apacheRuns: 2,
      apacheWarmUpSeconds: oneRun,
    }),
    readings: [
      masterCpu('us', costAim),
      rate({ atLeast: 500 }),
      latency(0.5, { atMost: 1 }),
      latency(0.99, { atMost: 5 }),
      latency(0.999),
      memoryOfWorker,
    ],
  },
  'small-applications-10000-32': {
    what: 'small application, 32 at once, 10,000 workers',
    plan: plan('small-applications', {
      ours: { workers: 10_000, concurrency: 32, operations: 2_000 },
      apache: { operations: 32 },
      apacheRuns: 1,
      apacheWarmUpSeconds: 0,
    }),
    readings: [masterCpu('us', costAim), rate({ atLeast: 500 }), latency(0.5), latency(0.99)],
  },
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

const eventAim = { atMost: 50 }
const perExecutorAim = { atMost: 60 }

const fullClusters: Record<string, Row> = {
  'executor-events-100': {
    what: 'executor event, full cluster of 1,000 workers, 100 applications wait',
    plan: plan('executor-events', {
      ours: { operations: 1_200, waiting: 100 },
      apache: { operations: 300 },
    }),
    readings: [masterCpu('us', eventAim), rate(), latency(0.5)],
  },
  'executor-events-1000': {
    what: 'executor event, full cluster of 1,000 workers, 1,000 applications wait',
    plan: plan('executor-events', {
      ours: { operations: 1_200, waiting: 1_000 },
      apache: { operations: 60 },
      apacheRuns: 2,
    }),
    readings: [masterCpu('us', eventAim), rate(), latency(0.5)],
  },
  'executor-events-10000': {
    what: 'executor event, full cluster of 10,000 workers, 1,000 applications wait',
    plan: plan('executor-events', {
      ours: { workers: 10_000, operations: 12_000, waiting: 1_000 },
      apache: null,
    }),
    readings: [masterCpu('us', eventAim), rate(), latency(0.5)],
  },
  'whole-cluster-1000': {
    what: 'one application takes 1,000 workers, 4,000 executors',
    plan: plan('whole-cluster', { ours: {}, apacheRuns: 2 }),
    readings: [
      masterCpu('us', perExecutorAim),
      moment('first LaunchExecutor', { atMost: 5 }),
      moment('last LaunchExecutor', { atMost: 100 }),
      moment('all acknowledged'),
    ],
  },
  'whole-cluster-10000': {
    what: 'one application takes 10,000 workers, 40,000 executors',
    plan: plan('whole-cluster', {
      ours: { workers: 10_000 },
      runs: 3,
      apacheRuns: 1,
      apacheWarmUpSeconds: 0,
      withinSeconds: 900,
      apacheIsLeft: true,
    }),
    readings: [
      masterCpu('us', perExecutorAim),
      moment('first LaunchExecutor', { atMost: 5 }),
      moment('last LaunchExecutor', { atMost: 1_000 }),
      moment('all acknowledged'),
    ],
  },
}

const restarts: Record<string, Row> = {
  restart: {
    what: 'kill -9 and start again on FILESYSTEM, 1,000 workers, 50 applications',
    plan: plan('recovery', {
      ours: { operations: 1 },
      apacheRuns: 2,
      warmUpSeconds: 0,
      apacheWarmUpSeconds: 0,
      properties: onDisk,
      masterDies: true,
    }),
    readings: [
      moment('ALIVE', { atMost: 1_000 }),
      moment('first new executor', { atMost: 1_200 }),
      moment('all called'),
      masterCpu('ms'),
    ],
  },
}

const drivers: Record<string, Row> = {
  'driver-submissions': {
    what: 'driver submission, one at a time, 1,000 workers',
    plan: plan('driver-submissions', { ours: {}, apache: { operations: 500 } }),
    readings: [masterCpu('us', { atMost: 150 }), latency(0.5), latency(0.99)],
  },
  'driver-submissions-32': {
    what: 'driver submission, 32 at once, 1,000 workers',
    plan: plan('driver-submissions', {
      ours: { operations: 4_000, concurrency: 32 },
      apache: { operations: 1_000 },
    }),
    readings: [masterCpu('us', { atMost: 150 }), rate({ atLeast: 5_000 }), latency(0.99)],
  },
  'driver-ends': {
    what: 'end of a driver, 1,000 workers',
    plan: plan('driver-ends', {
      ours: { operations: 4_000, concurrency: 32 },
      apache: { operations: 1_000 },
    }),
    readings: [masterCpu('us'), rate()],
  },
}

export const rows: Readonly<Record<string, Row>> = {
  ...asks,
  ...registrations,
  ...heartbeats,
  ...applications,
  ...fullClusters,
  ...drivers,
  ...restarts,
}
