/** Answers of REST v1, made by hand, and a fake cluster that gives them. */
import type {
  ApplicationItem,
  ClusterAnswer,
  DriverItem,
  ExplainAnswer,
  ListAnswer,
  WorkerItem,
} from '../../src/cli/client/api.js'
import type { Terminal, TerminalListener } from '../../src/cli/terminal.js'
import type { FakeCluster, Play } from './fake-cluster.js'

export const nowMs = Date.UTC(2026, 10, 21, 5, 0, 0)

export function clusterAnswer(change: Partial<ClusterAnswer> = {}): ClusterAnswer {
  return {
    url: 'spark://master:7077',
    state: 'ALIVE',
    nowMs,
    workers: { total: 10, alive: 8, dead: 1, decommissioned: 1, unknown: 0 },
    cores: { total: 80, used: 20 },
    memoryMb: { total: 4096, used: 1024 },
    resources: {},
    applications: { active: 2, waiting: 0, completed: 5 },
    executors: 7,
    drivers: { active: 0, waiting: 0, completed: 0 },
    mainThreadAnswerMs: 0.42,
    ...change,
  }
}

export function applicationItem(
  id: string,
  change: Partial<ApplicationItem> = {},
): ApplicationItem {
  return {
    id,
    name: 'pi',
    user: 'ada',
    state: 'RUNNING',
    waits: false,
    cores: 4,
    memoryPerExecutorMb: 1024,
    executors: 2,
    submittedMs: nowMs - 90_000,
    durationMs: 90_000,
    ...change,
  }
}

export function workerItem(id: string, change: Partial<WorkerItem> = {}): WorkerItem {
  return {
    id,
    state: 'ALIVE',
    cores: 8,
    coresUsed: 3,
    memoryMb: 4096,
    memoryUsedMb: 1024,
    resources: {},
    lastHeartbeatMs: nowMs - 4_000,
    unhealthyReason: null,
    runtimes: ['node', 'spark-4.3'],
    ...change,
  }
}

export function explainAnswer(id: string, change: Partial<ExplainAnswer> = {}): ExplainAnswer {
  return {
    id,
    state: 'WAITING',
    explanations: [{ profileId: 0, reason: 'no worker has 9 cores', advice: 'ask for 8' }],
    ...change,
  }
}

export function listAnswer<Item>(
  items: readonly Item[],
  { total = items.length, offset = 0 } = {},
): ListAnswer<Item> {
  return { items, total, offset, nowMs }
}

/** A page of what is there, as the request wants it. */
export function listPlay(items: readonly object[]): Play {
  return ({ path }) => {
    const { searchParams } = new URL(path, 'http://x')
    const offset = Number(searchParams.get('offset') ?? 0)
    const limit = Number(searchParams.get('limit') ?? 200)
    const page = items.slice(offset, offset + limit)
    return { json: listAnswer(page, { total: items.length, offset }) }
  }
}

export interface Played {
  readonly cluster?: Partial<ClusterAnswer>
  readonly applications?: readonly ApplicationItem[]
  readonly workers?: readonly WorkerItem[]
  readonly drivers?: readonly DriverItem[]
  /** By path below /api/v1/, such as `drivers/d`. */
  readonly explained?: Readonly<Record<string, ExplainAnswer>>
}

/** A leader whose web UI answers so. Filters are not played. */
export function playApi(fake: FakeCluster, played: Played = {}): FakeCluster {
  const { cluster = {}, applications = [], workers = [], drivers = [], explained = {} } = played
  fake
    .play('/api/v1/cluster', () => ({ json: clusterAnswer(cluster) }))
    .play('/api/v1/applications', listPlay(applications))
    .play('/api/v1/workers', listPlay(workers))
    .play('/api/v1/drivers', listPlay(drivers))
  for (const kind of ['applications', 'drivers'])
    fake.play(`/api/v1/${kind}/`, () => ({ status: 404, json: { error: 'there is none' } }))
  for (const [path, answer] of Object.entries(explained))
    fake.play(`/api/v1/${path}/explain`, () => ({ json: answer }))
  return fake
}

/** What was asked of REST v1: the path below it, and the query. */
export function asked(fake: FakeCluster): string[] {
  return fake.seen
    .map(({ path }) => path)
    .filter((path) => path.startsWith('/api/v1/'))
    .map((path) => path.slice('/api/v1/'.length))
}

/** One that somebody else looks at and types into. */
export class FakeTerminal implements Terminal {
  readonly happened: string[] = []
  listener: TerminalListener | null = null

  constructor(
    public columns = 100,
    public rows = 24,
  ) {}

  enter(listener: TerminalListener): void {
    this.listener = listener
    this.happened.push('enter')
  }

  leave(): void {
    this.listener = null
    this.happened.push('leave')
  }

  suspend(): void {
    this.happened.push('suspend')
    this.listener?.onChange()
  }
}
