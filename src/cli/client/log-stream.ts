/** The output of a driver or an executor, read from its worker's web UI part by part (U9, U25). */
import type { Cluster, WorkerJson } from './cluster.js'
import { Refused } from './errors.js'
import { askHttp, NoAnswer, type HttpAnswer } from './http.js'

export type LogType = 'stdout' | 'stderr'

/** Whose output, in the words of the worker's `/log`. */
export type LogOwner = { readonly driverId: string } | ExecutorName

interface ExecutorName {
  readonly appId: string
  readonly executorId: string
}

/** How much is asked for at once; what a worker gives at most. */
export const partBytes = 1024 * 1024

/** Workers that are asked at once for an executor that any of them may have run. */
const asksAtOnce = 16

/** `app-.../0` is an executor, anything else a driver. */
export function ownerOf(id: string): LogOwner {
  const executor = /^(.+)\/(\d+)$/.exec(id)
  if (executor === null) return { driverId: id }
  return { appId: executor[1]!, executorId: executor[2]! }
}

interface Part {
  readonly start: number
  readonly end: number
  readonly total: number
  readonly bytes: Buffer
}

/** @param offset null: the last `byteLength` bytes @returns null when the worker has no such log */
async function readPart(
  webUiUrl: string,
  owner: LogOwner,
  type: LogType,
  range: { offset: number | null; byteLength: number },
  signal: AbortSignal,
): Promise<Part | null> {
  const url = new URL('/log', webUiUrl)
  const parameters = { ...owner, logType: type, byteLength: String(range.byteLength) }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  if (range.offset !== null) url.searchParams.set('offset', String(range.offset))
  const answer = await askHttp(url, { signal })
  if (answer.status === 404) return null
  return partOf(answer, webUiUrl)
}

function partOf({ status, body }: HttpAnswer, webUiUrl: string): Part {
  const lineEnd = body.indexOf('\n')
  const line = body.subarray(0, Math.max(lineEnd, 0)).toString('utf8')
  const numbers = /^==== Bytes (\d+)-(\d+) of (\d+) of /.exec(line)
  if (status !== 200 || numbers === null) {
    const said = body.toString('utf8').trim().split('\n', 1)[0]!.slice(0, 300)
    throw new Refused(`the worker at ${webUiUrl} gives no log: ${status} ${said}`)
  }
  const [start, end, total] = numbers.slice(1).map(Number) as [number, number, number]
  return { start, end, total, bytes: body.subarray(lineEnd + 1) }
}

/** One of the two outputs, from where it was left off. */
export class LogStream {
  readonly #webUiUrl: string
  readonly #owner: LogOwner
  readonly #type: LogType
  /** null: `tail` says where it begins. */
  #offset: number | null
  readonly #tailBytes: number

  /** @param tailBytes null: from the beginning */
  constructor(webUiUrl: string, owner: LogOwner, type: LogType, tailBytes: number | null) {
    this.#webUiUrl = webUiUrl
    this.#owner = owner
    this.#type = type
    this.#offset = tailBytes === null ? 0 : null
    this.#tailBytes = tailBytes ?? 0
  }

  /**
   * Hands on all there is now.
   * @returns whether the worker has such a log
   * @throws NoAnswer @throws Refused
   */
  async passOn(write: (bytes: Uint8Array) => void, signal: AbortSignal): Promise<boolean> {
    this.#offset ??= await this.#tailStart(signal)
    for (;;) {
      const range = { offset: this.#offset, byteLength: partBytes }
      const part = await readPart(this.#webUiUrl, this.#owner, this.#type, range, signal)
      if (part === null) return false
      write(part.bytes)
      // What was removed with the oldest logs meanwhile is not counted any more.
      this.#offset = part.end
      if (part.end >= part.total || part.end <= part.start) return true
    }
  }

  async #tailStart(signal: AbortSignal): Promise<number> {
    const nothing = { offset: null, byteLength: 0 }
    const end = await readPart(this.#webUiUrl, this.#owner, this.#type, nothing, signal)
    return Math.max((end?.total ?? 0) - this.#tailBytes, 0)
  }
}

/**
 * @returns the web UI of the worker that runs or ran it; null: it has not been started
 * @throws Refused when there is no such driver or executor, or its worker has no web UI
 */
export async function findWorker(
  cluster: Cluster,
  owner: LogOwner,
  signal: AbortSignal,
): Promise<string | null> {
  const state = await cluster.state()
  if ('appId' in owner) return findExecutor(state.workers, owner, signal)
  const drivers = [...state.activedrivers, ...state.completeddrivers]
  const driver = drivers.find(({ id }) => id === owner.driverId)
  if (driver === undefined) {
    const form = 'expected the id of a driver, or <application id>/<executor number>'
    throw new Refused(`the master knows no driver ${owner.driverId}: ${form}`)
  }
  if (driver.worker === 'None') return null
  const worker = state.workers.find(({ id }) => id === driver.worker)
  if (worker === undefined) {
    throw new Refused(`${driver.worker}, which ran ${driver.id}, is not in the cluster any more`)
  }
  return webUiOf(worker)
}

function webUiOf({ id, host, port, webuiaddress }: WorkerJson): string {
  if (URL.canParse(webuiaddress)) return webuiaddress
  throw new Refused(
    `${id} has no web UI that would show logs: read them in its work folder on ${host} (port ${port})`,
  )
}

/** The master does not tell which worker an executor ran on: each is asked. */
async function findExecutor(
  workers: readonly WorkerJson[],
  owner: ExecutorName,
  signal: AbortSignal,
): Promise<string> {
  const pages = workers.map(({ webuiaddress }) => webuiaddress).filter((url) => URL.canParse(url))
  let unreachable = 0
  for (let at = 0; at < pages.length; at += asksAtOnce) {
    const found = await Promise.all(
      pages.slice(at, at + asksAtOnce).map(async (url) => {
        try {
          const range = { offset: null, byteLength: 0 }
          return (await readPart(url, owner, 'stdout', range, signal)) === null ? null : url
        } catch (error) {
          if (!(error instanceof NoAnswer || error instanceof Refused)) throw error
          unreachable += 1
          return null
        }
      }),
    )
    const first = found.find((url) => url !== null)
    if (first !== undefined && first !== null) return first
  }
  const asked = `${pages.length - unreachable} of ${workers.length} workers could be asked`
  throw new Refused(
    `no worker has output of executor ${owner.executorId} of ${owner.appId} (${asked})`,
  )
}
