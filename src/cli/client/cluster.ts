/** Submissions on the port that spark:// names, and the whole state of the cluster as `/json/` has it. */
import { singleLine } from '../../http/single-line.js'
import { Final, NOT_ALIVE, NOT_OURS, NotLeading, Refused } from './errors.js'
import { fieldsOf, NoAnswer, textOf, type Fields, type HttpAnswer } from './http.js'
import type { LeaderFinder } from './leader-finder.js'

export const TOKEN_VARIABLE = 'MAGNETO_REST_TOKEN'

export interface ClusterOptions {
  readonly finder: LeaderFinder
  readonly env: NodeJS.ProcessEnv
}

export interface DriverStatus {
  /** SUBMITTED, RUNNING, FINISHED, RELAUNCHING, UNKNOWN, KILLED, FAILED or ERROR. */
  readonly state: string
  readonly workerId: string | null
  readonly workerHostPort: string | null
  /** How it failed. */
  readonly message: string | null
}

/** What of `/json/` (J1, J2, J4) is read here. */
export interface ClusterState {
  readonly status: string
  readonly workers: readonly WorkerJson[]
  readonly activedrivers: readonly DriverJson[]
  readonly completeddrivers: readonly DriverJson[]
}

export interface WorkerJson {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly webuiaddress: string
  readonly state: string
}

export interface DriverJson {
  readonly id: string
  readonly state: string
  readonly cores: number
  readonly memory: number
  readonly submitdate: string
  readonly worker: string
  readonly mainclass: string
}

/** @param explained docs/explain.md; null: no JSON */
function reasonsOf(explained: Fields | null): string | null {
  const explanations = explained?.['explanations']
  if (!Array.isArray(explanations)) return null
  const sentences = explanations.flatMap(({ reason, advice }: Fields) => [reason, advice])
  const lines = sentences.map(textOf).filter((line) => line !== null)
  return lines.length === 0 ? null : lines.map(singleLine).join('\n')
}

export class Cluster {
  readonly #finder: LeaderFinder
  readonly #env: NodeJS.ProcessEnv

  constructor({ finder, env }: ClusterOptions) {
    this.#finder = finder
    this.#env = env
  }

  /** @returns the driver's id @throws Refused */
  async submit(request: object): Promise<string> {
    const fields = await this.#rest('POST', 'create', JSON.stringify(request))
    const id = textOf(fields['submissionId'])
    if (fields['success'] === true && id !== null) return id
    throw new Refused(textOf(fields['message']) ?? 'the master refused the driver')
  }

  /** @returns null when the master does not know it @throws Refused */
  async driverStatus(id: string): Promise<DriverStatus | null> {
    const fields = await this.#rest('GET', `status/${encodeURIComponent(id)}`)
    if (fields['success'] !== true) return null
    return {
      state: textOf(fields['driverState']) ?? 'UNKNOWN',
      workerId: textOf(fields['workerId']),
      workerHostPort: textOf(fields['workerHostPort']),
      message: textOf(fields['message']),
    }
  }

  /** @returns what the master says about it @throws Refused */
  async kill(id: string): Promise<string> {
    const fields = await this.#rest('POST', `kill/${encodeURIComponent(id)}`)
    const message = textOf(fields['message']) ?? ''
    if (fields['success'] !== true) throw new Refused(message)
    return message
  }

  /** @throws Refused */
  async state(): Promise<ClusterState> {
    return this.#finder.firstOf(async (address) => {
      const url = new URL('/json/', await this.#finder.webUi(address))
      const state = fieldsOf((await this.#finder.askWebUi(url)).body) as ClusterState | null
      if (!Array.isArray(state?.workers))
        throw new Refused(`${String(url)} is no web UI of a master`)
      if (state.status !== 'ALIVE') throw new NotLeading(`${NOT_ALIVE}: ${state.status}`)
      return state
    })
  }

  /** Why a driver waits, and what would help. @returns null when it does not, or nobody says */
  async why(id: string): Promise<string | null> {
    try {
      const url = new URL(
        `/api/v1/drivers/${encodeURIComponent(id)}/explain`,
        await this.#finder.webUi(this.#finder.address),
      )
      return reasonsOf(fieldsOf((await this.#finder.askWebUi(url)).body))
    } catch (error) {
      if (error instanceof NoAnswer || error instanceof Refused) return null
      throw error
    }
  }

  async #rest(method: 'GET' | 'POST', path: string, body?: string): Promise<Fields> {
    const token = this.#env[TOKEN_VARIABLE]
    const headers = {
      ...(body === undefined ? {} : { 'Content-Type': 'application/json;charset=utf-8' }),
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
    }
    return this.#finder.firstOf(async (address) => {
      const url = new URL(`http://${address}/v1/submissions/${path}`)
      const answer = await this.#finder
        .ask(url, {
          method,
          headers,
          ...(body === undefined ? {} : { body }),
        })
        .catch((error: unknown) => {
          throw this.#afterSending(error, body !== undefined)
        })
      return judged(answer)
    })
  }

  /** What was sent may have been done: another master must not be asked to do it once more. */
  #afterSending(error: unknown, isSubmission: boolean): unknown {
    if (!(error instanceof NoAnswer) || error.neverArrived || !isSubmission) return error
    const { cause } = error
    const hint =
      (cause as NodeJS.ErrnoException).code === 'ECONNRESET'
        ? 'it takes none over HTTP where spark.master.rest.enabled is false'
        : 'see magneto list'
    return new Final(`${error.message}; whether the driver was submitted is open: ${hint}`)
  }
}

const SERVICE_UNAVAILABLE = 503

/** @throws Refused when another master may have the answer @throws Final when none has */
function judged({ status, body }: HttpAnswer): Fields {
  const fields = fieldsOf(body)
  if (fields === null) throw new Refused(`it answered ${status} without JSON; ${NOT_OURS}`)
  const message = textOf(fields['message']) ?? ''
  if (message.startsWith(NOT_ALIVE)) throw new NotLeading(message)
  if (fields['action'] !== 'ErrorResponse') return fields
  if (status === SERVICE_UNAVAILABLE) throw new Refused(message)
  throw new Final(message)
}
