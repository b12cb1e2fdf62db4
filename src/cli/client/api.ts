/** REST v1 of the leader's web UI (docs/rest-api.md): what of it is read here, and how it is asked. */
import { UsageError } from '../../conf/errors.js'
import { NOT_ALIVE, NotLeading, Refused } from './errors.js'
import { fieldsOf, reasonOf, textOf, type HttpAnswer } from './http.js'
import type { LeaderFinder } from './leader-finder.js'

export interface Use {
  readonly total: number
  readonly used: number
}

/** What of `cluster` is read here. Times are ms since 1970, memory is in MiB. */
export interface ClusterAnswer {
  readonly url: string
  /** STANDBY, ALIVE, RECOVERING or COMPLETING_RECOVERY. */
  readonly state: string
  readonly nowMs: number
  readonly workers: {
    readonly total: number
    readonly alive: number
    readonly dead: number
    readonly decommissioned: number
    readonly unknown: number
  }
  readonly cores: Use
  readonly memoryMb: Use
  readonly resources: Readonly<Record<string, Use>>
  readonly applications: {
    readonly active: number
    readonly waiting: number
    readonly completed: number
  }
  readonly executors: number
  readonly drivers: {
    readonly active: number
    readonly waiting: number
    readonly completed: number
  }
  readonly mainThreadAnswerMs: number
}

export interface WorkerItem {
  readonly id: string
  readonly state: string
  readonly cores: number
  readonly coresUsed: number
  readonly memoryMb: number
  readonly memoryUsedMb: number
  readonly resources: Readonly<Record<string, Use>>
  readonly lastHeartbeatMs: number
  readonly unhealthyReason: string | null
  readonly runtimes: readonly string[]
}

export interface ApplicationItem {
  readonly id: string
  readonly name: string
  readonly user: string | null
  readonly state: string
  /** It wants more than it has. */
  readonly waits: boolean
  readonly cores: number
  readonly memoryPerExecutorMb: number
  readonly executors: number
  readonly submittedMs: number
  readonly durationMs: number
}

export interface DriverItem {
  readonly id: string
  readonly mainClass: string | null
}

/** What each list is of. */
export interface Lists {
  readonly workers: WorkerItem
  readonly applications: ApplicationItem
  readonly drivers: DriverItem
}

export type ListName = keyof Lists

/** One page of a list. */
export interface ListAnswer<Item> {
  readonly items: readonly Item[]
  /** How many match. */
  readonly total: number
  readonly offset: number
  readonly nowMs: number
}

/** Why something waits (docs/explain.md). */
export interface ExplainAnswer {
  readonly id: string
  readonly state: string
  /** Of a driver: how it failed. */
  readonly exception?: string | null
  /** One for each resource profile that waits; none: nothing waits. */
  readonly explanations: readonly Explanation[]
}

export interface Explanation {
  readonly profileId: number
  readonly reason: string
  readonly advice: string
}

export type Query = Readonly<Record<string, string | number>>

/** As many as a master gives at once. */
const PAGE_ROWS = 1000

const OK = 200
const BAD_REQUEST = 400
const NOT_FOUND = 404

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

function isCluster(answer: ClusterAnswer | null): answer is ClusterAnswer {
  if (answer === null || textOf(answer.state) === null) return false
  const { workers, cores, memoryMb, resources, applications, drivers } = answer
  return [workers, cores, memoryMb, resources, applications, drivers].every(isObject)
}

/** The web UI of one master. */
export class WebApi {
  readonly #webUiUrl: string
  readonly #ask: (url: URL) => Promise<HttpAnswer>

  constructor(webUiUrl: string, ask: (url: URL) => Promise<HttpAnswer>) {
    this.#webUiUrl = webUiUrl
    this.#ask = ask
  }

  /** @throws Refused */
  async cluster(): Promise<ClusterAnswer> {
    const cluster = await this.#get<ClusterAnswer>('cluster')
    if (isCluster(cluster)) return cluster
    throw this.#noApi('cluster')
  }

  /** @throws Refused @throws UsageError when the master can make no sense of what is asked for */
  async list<Name extends ListName>(name: Name, query: Query): Promise<ListAnswer<Lists[Name]>> {
    const list = await this.#get<ListAnswer<Lists[Name]>>(name, query)
    if (Array.isArray(list?.items)) return list
    throw this.#noApi(name)
  }

  /**
   * Page by page, so that no list is held whole. What comes or goes meanwhile may be met twice, or not at all.
   *
   * @throws Refused @throws UsageError
   */
  async *pages<Name extends ListName>(
    name: Name,
    query: Query,
    rowsMax: number,
  ): AsyncGenerator<ListAnswer<Lists[Name]>> {
    for (let offset = 0; offset < rowsMax;) {
      const limit = Math.min(PAGE_ROWS, rowsMax - offset)
      const page = await this.list(name, { ...query, offset, limit })
      yield page
      offset += page.items.length
      if (page.items.length === 0 || offset >= page.total) return
    }
  }

  /** @returns null when there is none of that kind and id @throws Refused */
  async explain(kind: 'application' | 'driver', id: string): Promise<ExplainAnswer | null> {
    const path = `${kind}s/${encodeURIComponent(id)}/explain`
    const explained = await this.#get<ExplainAnswer>(path)
    if (explained === null || Array.isArray(explained.explanations)) return explained
    throw this.#noApi(path)
  }

  /** @returns null when there is nothing there */
  async #get<Answer>(path: string, query: Query = {}): Promise<Answer | null> {
    const url = new URL(`/api/v1/${path}`, this.#webUiUrl)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value))
    const { status, body } = await this.#ask(url)
    if (status === NOT_FOUND) return null
    if (status === BAD_REQUEST) throw new UsageError(reasonOf(body))
    if (status !== OK)
      throw new Refused(`the web UI at ${url.host} answered ${status}: ${reasonOf(body)}`)
    const answer = fieldsOf(body)
    if (answer === null) throw this.#noApi(path)
    return answer as Answer
  }

  #noApi(path: string): Refused {
    const where = new URL(`/api/v1/${path}`, this.#webUiUrl)
    return new Refused(
      `${String(where)} is not there: expected the web UI of a master of this release`,
    )
  }
}

/** The web UI of whichever master leads. */
export class ClusterApi {
  readonly #finder: LeaderFinder

  constructor(finder: LeaderFinder) {
    this.#finder = finder
  }

  /**
   * Waits a while for a leader when there is none.
   *
   * @param work what the leader is asked; another master is asked anew where it fails
   * @throws Refused @throws UsageError
   */
  async ask<T>(work: (web: WebApi, cluster: ClusterAnswer) => Promise<T>): Promise<T> {
    return this.#finder.firstOf((address) => this.#at(address, work))
  }

  /** The same without waiting. */
  async askOnce<T>(work: (web: WebApi, cluster: ClusterAnswer) => Promise<T>): Promise<T> {
    return this.#finder.once((address) => this.#at(address, work))
  }

  async #at<T>(
    address: string,
    work: (web: WebApi, cluster: ClusterAnswer) => Promise<T>,
  ): Promise<T> {
    const webUiUrl = await this.#finder.webUi(address)
    const web = new WebApi(webUiUrl, (url) => this.#finder.askWebUi(url))
    const cluster = await web.cluster()
    // One that recovers leads already, and knows more and more.
    if (cluster.state === 'STANDBY') throw new NotLeading(`${NOT_ALIVE}: ${cluster.state}`)
    return work(web, cluster)
  }
}
