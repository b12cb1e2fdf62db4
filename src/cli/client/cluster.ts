/**
 * The masters of a cluster over HTTP: submissions on the port that spark:// names, and the state of the cluster on
 * the web UI that they name. Whoever of several masters is not there is passed over; one that does not lead is asked who
 * does.
 */
import { UsageError } from '../../conf/errors.js'
import { parseMasterUrl } from '../../conf/master-url.js'
import { singleLine } from '../../http/single-line.js'
import { askHttp, NoAnswer, type HttpAnswer } from './http.js'
import { addressesOf } from './masters.js'

/** The master said no, or none could be asked. The message is one line. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

/** The master that was asked does not lead; another one may. */
class NotLeading extends Refused {}

/** Leaders that masters name and that are asked though the list lacks them. */
const MAX_NAMED_LEADERS = 3

/** How often masters of which none leads are asked again: another one takes over in less than that. */
const WAITS_FOR_LEADER = 10

/** How answers of a master that does not lead begin (R14). */
const NOT_ALIVE = 'Current state is not alive'

const TOKEN_VARIABLE = 'MAGNETO_REST_TOKEN'
const NOT_OURS = 'is a Magneto master listening there?'

export interface ClusterOptions {
  /** host:port of each master, in the order in which they are asked. */
  readonly addresses: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** The user has had enough. */
  readonly signal: AbortSignal
  /** A line for the user. */
  say(text: string): void
  /** Until masters are asked again whether one leads by now. */
  pause(): Promise<void>
}

/** Of an answer of the submission protocol; what is absent is undefined. */
export type RestFields = Readonly<Record<string, unknown>>

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

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)

function parsed(body: Buffer): RestFields | null {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as RestFields) : null
  } catch {
    return null
  }
}

/** @param explained docs/explain.md; null: no JSON */
function reasonsOf(explained: RestFields | null): string | null {
  const explanations = explained?.['explanations']
  if (!Array.isArray(explanations)) return null
  const sentences = explanations.flatMap(({ reason, advice }: RestFields) => [reason, advice])
  const lines = sentences.map(textOf).filter((line) => line !== null)
  return lines.length === 0 ? null : lines.map(singleLine).join('\n')
}

export class Cluster {
  readonly #options: ClusterOptions
  /** The master that answered last comes first. */
  #addresses: readonly string[]
  /** Why it waits, as it was said last. */
  #told = ''

  constructor(options: ClusterOptions) {
    this.#options = options
    this.#addresses = options.addresses
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
    return this.#firstOf(async (address) => {
      const url = new URL('/json/', await this.#webUi(address))
      const answer = await this.#ask(url).catch((error: unknown) => {
        if (!(error instanceof NoAnswer)) throw error
        throw new Refused(`the web UI, which knows the cluster: ${error.message}`)
      })
      const state = parsed(answer.body) as ClusterState | null
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
        await this.#webUi(this.#addresses[0]!),
      )
      return reasonsOf(parsed((await this.#ask(url)).body))
    } catch (error) {
      if (error instanceof NoAnswer || error instanceof Refused) return null
      throw error
    }
  }

  async #webUi(address: string): Promise<string> {
    const { body } = await this.#ask(new URL(`http://${address}/control`))
    const webUiUrl = textOf(parsed(body)?.['webUiUrl'])
    if (webUiUrl !== null && URL.canParse(webUiUrl)) return webUiUrl
    throw new Refused(`it does not say where its web UI is; ${NOT_OURS}`)
  }

  async #rest(method: 'GET' | 'POST', path: string, body?: string): Promise<RestFields> {
    const token = this.#options.env[TOKEN_VARIABLE]
    const headers = {
      ...(body === undefined ? {} : { 'Content-Type': 'application/json;charset=utf-8' }),
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
    }
    return this.#firstOf(async (address) => {
      const url = new URL(`http://${address}/v1/submissions/${path}`)
      const answer = await this.#ask(url, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
      }).catch((error: unknown) => {
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

  /** @throws Refused with what each said when none has an answer, nor after a while if one may lead soon */
  async #firstOf<T>(ask: (address: string) => Promise<T>): Promise<T> {
    for (let waits = 0; ; waits += 1) {
      try {
        return await this.#askedInTurn(ask)
      } catch (error) {
        if (!(error instanceof NotLeading) || waits >= WAITS_FOR_LEADER) throw error
        if (this.#told !== error.message)
          this.#options.say(`waiting for a master that leads: ${error.message}\n`)
        this.#told = error.message
        await this.#options.pause()
      }
    }
  }

  /** @throws NotLeading when there is a master, though none that leads @throws Refused */
  async #askedInTurn<T>(ask: (address: string) => Promise<T>): Promise<T> {
    const said: [address: string, message: string][] = []
    let anyAnswers = false
    let anyStandsBy = false
    let named = 0
    const asked = new Set<string>()
    const left = [...this.#addresses]
    for (let address = left.shift(); address !== undefined; address = left.shift()) {
      if (asked.has(address)) continue
      asked.add(address)
      try {
        const answer = await ask(address)
        this.#addresses = [address, ...this.#addresses.filter((one) => one !== address)]
        return answer
      } catch (error) {
        if (error instanceof Final) throw new Refused(error.message)
        if (!(error instanceof NoAnswer || error instanceof Refused)) throw error
        anyAnswers ||= error instanceof Refused
        said.push([address, error.message])
        if (!(error instanceof NotLeading)) continue
        anyStandsBy = true
        const leader = await this.#leaderNamedBy(address)
        if (leader === null || asked.has(leader)) continue
        const isListed = this.#addresses.includes(leader)
        if (isListed || named < MAX_NAMED_LEADERS) left.unshift(leader)
        if (!isListed) named += 1
      }
    }
    const sentences = said.map(([address, message]) =>
      said.length === 1 ? message : `spark://${address}: ${message}`,
    )
    if (!anyAnswers) sentences.push('start a master there, or name another with --master')
    const message = sentences.join('; ')
    throw anyStandsBy ? new NotLeading(message) : new Refused(message)
  }

  /** @returns host:port; null when it knows none, or does not say */
  async #leaderNamedBy(address: string): Promise<string | null> {
    try {
      const { body } = await this.#ask(new URL(`http://${address}/masters`))
      const leader = parsed(body)?.['leader'] as { masterUrl?: unknown } | null | undefined
      const masterUrl = textOf(leader?.masterUrl)
      return masterUrl === null ? null : (addressesOf(parseMasterUrl(masterUrl))[0] ?? null)
    } catch (error) {
      if (error instanceof NoAnswer || error instanceof UsageError) return null
      throw error
    }
  }

  async #ask(
    url: URL,
    request: { method?: 'GET' | 'POST'; headers?: Record<string, string>; body?: string } = {},
  ): Promise<HttpAnswer> {
    return askHttp(url, { ...request, signal: this.#options.signal })
  }
}

/** No other master is asked. */
class Final extends Error {}

const SERVICE_UNAVAILABLE = 503

/** @throws Refused when another master may have the answer @throws Final when none has */
function judged({ status, body }: HttpAnswer): RestFields {
  const fields = parsed(body)
  if (fields === null) throw new Refused(`it answered ${status} without JSON; ${NOT_OURS}`)
  const message = textOf(fields['message']) ?? ''
  if (message.startsWith(NOT_ALIVE)) throw new NotLeading(message)
  if (fields['action'] !== 'ErrorResponse') return fields
  if (status === SERVICE_UNAVAILABLE) throw new Refused(message)
  throw new Final(message)
}
