/** One look of `magneto top` at the cluster: a few small questions, however large it is. */
import type {
  ApplicationItem,
  ClusterAnswer,
  ExplainAnswer,
  ListAnswer,
  WebApi,
  WorkerItem,
} from '../api.js'

/** What can be seen of the applications. */
export interface Wanted {
  /** A key of the list, with - before it for descending. */
  readonly sort: string
  readonly offset: number
  readonly limit: number
}

/** The first of a queue: it goes before all others, so what it waits for, they wait for too. */
export interface FirstWaiting {
  readonly kind: 'application' | 'driver'
  readonly id: string
  /** Of an application its name, of a driver its class. */
  readonly name: string
  readonly explained: ExplainAnswer
}

/** Also the line of `--json`. */
export interface Snapshot {
  readonly cluster: ClusterAnswer
  /** Those that wait or run. */
  readonly applications: ListAnswer<ApplicationItem>
  readonly waiting: readonly FirstWaiting[]
  readonly workers: {
    /** Not ALIVE. */
    readonly lost: ListAnswer<WorkerItem>
    /** ALIVE, and they say themselves that they can take nothing. */
    readonly unhealthy: ListAnswer<WorkerItem>
    /** ALIVE, and nothing more fits on them. */
    readonly full: ListAnswer<WorkerItem>
  }
}

/** Rows of each kind of workers that get nothing new. */
const WORKERS_SHOWN = 20

/** @throws NoAnswer @throws Refused when a question is not answered */
export async function look(
  web: WebApi,
  cluster: ClusterAnswer,
  { sort, offset, limit }: Wanted,
): Promise<Snapshot> {
  const [applications, waiting, lost, unhealthy, full] = await Promise.all([
    web.list('applications', { active: 'true', sort, offset, limit }),
    firstWaiting(web, cluster),
    web.list('workers', { state: 'DEAD,UNKNOWN,DECOMMISSIONED', limit: WORKERS_SHOWN }),
    web.list('workers', { show: 'unhealthy', limit: WORKERS_SHOWN }),
    web.list('workers', { show: 'full', limit: WORKERS_SHOWN }),
  ])
  return { cluster, applications, waiting, workers: { lost, unhealthy, full } }
}

/** Drivers come before applications. */
async function firstWaiting(
  web: WebApi,
  { drivers, applications }: ClusterAnswer,
): Promise<FirstWaiting[]> {
  const found = await Promise.all([
    drivers.waiting > 0 ? firstDriver(web) : null,
    applications.waiting > 0 ? firstApplication(web) : null,
  ])
  return found.filter((first) => first !== null)
}

/** @returns null when none waits any more */
async function firstDriver(web: WebApi): Promise<FirstWaiting | null> {
  const { items } = await web.list('drivers', { ...FIRST, state: 'SUBMITTED' })
  const [first] = items
  if (first === undefined) return null
  const explained = await web.explain('driver', first.id)
  return explained && { kind: 'driver', id: first.id, name: first.mainClass ?? '', explained }
}

async function firstApplication(web: WebApi): Promise<FirstWaiting | null> {
  const { items } = await web.list('applications', { ...FIRST, state: 'WAITING' })
  const [first] = items
  if (first === undefined) return null
  const explained = await web.explain('application', first.id)
  return explained && { kind: 'application', id: first.id, name: first.name, explained }
}

/** Who came first is served first. */
const FIRST = { active: 'true', sort: 'submitted', limit: 1 } as const
