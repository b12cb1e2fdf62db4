/**
 * Which Spark an Apache Worker is of. Its messages leave 4.1, 4.2 and 4.3 open, its web UI tells the release,
 * and where that can't be asked the operator's setting decides.
 */
import { askForRelease, WORKER_PAGE, WORKER_PAUSES_MS, type ReleaseQuestion } from './release.js'
import { UnsupportedPeerError, type RegisterWorker, type SparkVersion } from './messages.js'
import type { RpcConnection } from './rpc-connection.js'
import { versionOf } from '../control/runtimes.js'

/** Of these the oldest is forgotten; it is asked again when it comes back. */
const MAX_KNOWN_WORKERS = 65_536

export type VersionAnswer =
  | { readonly version: SparkVersion }
  /** Meant for the operator who reads the worker's log. */
  | { readonly refusal: string }

/** One for all connections of the gateway: a worker that comes back is not asked again. */
export class WorkerVersions {
  readonly #setting: SparkVersion | null
  readonly #pausesMs: readonly number[]
  readonly #known = new Map<string, SparkVersion>()

  /** @param setting spark.magneto.apacheWorkerVersion */
  constructor(setting: SparkVersion | null, pausesMs = WORKER_PAUSES_MS) {
    this.#setting = setting
    this.#pausesMs = pausesMs
  }

  /** Has a worker of this id been let in before? */
  knows(workerId: string): boolean {
    return this.#known.has(workerId)
  }

  /** An earlier leader has asked it. */
  recovered(workerId: string, version: SparkVersion): void {
    this.#remember(workerId, version)
  }

  /**
   * @param onAnswer at once when the worker is known, else later; never after the asking was stopped
   * @returns stops asking; null when the answer has come
   */
  find(
    connection: RpcConnection,
    { id, workerWebUiUrl }: RegisterWorker,
    onAnswer: (answer: VersionAnswer) => void,
  ): (() => void) | null {
    const known = this.#known.get(id)
    if (known !== undefined && connection.dialect.candidates.includes(known)) {
      connection.dialect.narrow(known)
      onAnswer({ version: known })
      return null
    }
    const question: ReleaseQuestion = {
      host: connection.host,
      webUiUrl: workerWebUiUrl,
      page: WORKER_PAGE,
      pausesMs: this.#pausesMs,
      onAnswer: (release) => onAnswer(this.#decide(connection, id, workerWebUiUrl, release)),
    }
    return askForRelease(question)
  }

  #decide(
    { dialect }: RpcConnection,
    id: string,
    webUiUrl: string,
    release: string | null,
  ): VersionAnswer {
    const { candidates } = dialect
    const likely = candidates.join(', ')
    let version: SparkVersion | null
    if (release !== null) {
      version = versionOf(release)
      if (version === null || !candidates.includes(version)) {
        const seen = `this worker is of Spark ${release}, although its messages look like ${likely}`
        return { refusal: new UnsupportedPeerError(seen).message }
      }
    } else {
      version = candidates.length === 1 ? candidates[0]! : this.#setting
      if (version === null) return { refusal: unknownVersion(likely, webUiUrl) }
      if (!candidates.includes(version)) {
        return {
          refusal: `spark.magneto.apacheWorkerVersion is ${version}, but this worker's messages are of Spark ${likely}`,
        }
      }
    }
    dialect.narrow(version)
    this.#remember(id, version)
    return { version }
  }

  #remember(id: string, version: SparkVersion): void {
    this.#known.set(id, version)
    if (this.#known.size <= MAX_KNOWN_WORKERS) return
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}

function unknownVersion(likely: string, webUiUrl: string): string {
  return (
    `the release of this worker can't be told: its messages are those of Spark ${likely}, and its web UI ` +
    `at ${webUiUrl}, which was asked at the address that it connects from, did not say; let the master ` +
    'reach that port over http, or set spark.magneto.apacheWorkerVersion on the master'
  )
}
