/**
 * Finds the master that leads. Whoever of several masters is not there is passed over; one that does not lead is asked
 * who does.
 */
import { UsageError } from '../../conf/errors.js'
import { parseMasterUrl } from '../../conf/master-url.js'
import { Final, NOT_OURS, NotLeading, Refused } from './errors.js'
import {
  askHttp,
  fieldsOf,
  NoAnswer,
  reasonOf,
  textOf,
  type HttpAnswer,
  type HttpRequest,
} from './http.js'
import { addressesOf } from './masters.js'

/** Leaders that masters name and that are asked though the list lacks them. */
const MAX_NAMED_LEADERS = 3

/** How often masters of which none leads are asked again: another one takes over in less than that. */
const WAITS_FOR_LEADER = 10

/** Unauthorized, and forbidden. */
const WHO_ASKS: ReadonlySet<number> = new Set([401, 403])

export interface LeaderFinderOptions {
  /** host:port of each master, in the order in which they are asked. */
  readonly addresses: readonly string[]
  /** The user has had enough. */
  readonly signal: AbortSignal
  /** Of one request; absent: as long as a master may take. */
  readonly timeoutMs?: number
  /** For web UIs that ask for one (spark.ui.filters). */
  readonly token?: string
  /** A line for the user. */
  say(text: string): void
  /** Until masters are asked again whether one leads by now. */
  pause(): Promise<void>
}

export class LeaderFinder {
  readonly #options: LeaderFinderOptions
  /** The master that answered last comes first. */
  #addresses: readonly string[]
  /** Why it waits, as it was said last. */
  #told = ''

  constructor(options: LeaderFinderOptions) {
    this.#options = options
    this.#addresses = options.addresses
  }

  /** host:port of the master that answered last. */
  get address(): string {
    return this.#addresses[0]!
  }

  /** Asks one after the other, and all anew for a while if one may lead soon. @throws Refused with what each said */
  async firstOf<T>(ask: (address: string) => Promise<T>): Promise<T> {
    for (let waits = 0; ; waits += 1) {
      try {
        return await this.once(ask)
      } catch (error) {
        if (!(error instanceof NotLeading) || waits >= WAITS_FOR_LEADER) throw error
        if (this.#told !== error.message)
          this.#options.say(`waiting for a master that leads: ${error.message}\n`)
        this.#told = error.message
        await this.#options.pause()
      }
    }
  }

  /**
   * Asks one after the other, none twice.
   *
   * @throws NotLeading when there is a master, though none that leads @throws Refused when there is none
   */
  async once<T>(ask: (address: string) => Promise<T>): Promise<T> {
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

  /** @throws NoAnswer @throws Refused when what listens there names none */
  async webUi(address: string): Promise<string> {
    const { body } = await this.ask(new URL(`http://${address}/control`))
    const webUiUrl = textOf(fieldsOf(body)?.['webUiUrl'])
    if (webUiUrl !== null && URL.canParse(webUiUrl)) return webUiUrl
    throw new Refused(`it does not say where its web UI is; ${NOT_OURS}`)
  }

  /** @throws Refused when it does not answer, though the master itself does, or wants to know who asks */
  async askWebUi(url: URL): Promise<HttpAnswer> {
    const { token } = this.#options
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
    let answer: HttpAnswer
    try {
      answer = await this.ask(url, { headers })
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error
      throw new Refused(`the web UI, which knows the cluster: ${error.message}`, { cause: error })
    }
    if (!WHO_ASKS.has(answer.status)) return answer
    const said = `the web UI at ${url.host} answered ${answer.status}: ${reasonOf(answer.body)}`
    throw new Refused(`${said}; set MAGNETO_REST_TOKEN to a token that it takes`)
  }

  /** @throws NoAnswer */
  async ask(
    url: URL,
    request: Omit<HttpRequest, 'signal' | 'timeoutMs'> = {},
  ): Promise<HttpAnswer> {
    const { signal, timeoutMs } = this.#options
    return askHttp(url, { ...request, signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) })
  }

  /** @returns host:port; null when it knows none, or does not say */
  async #leaderNamedBy(address: string): Promise<string | null> {
    try {
      const { body } = await this.ask(new URL(`http://${address}/masters`))
      const leader = fieldsOf(body)?.['leader'] as { masterUrl?: unknown } | null | undefined
      const masterUrl = textOf(leader?.masterUrl)
      return masterUrl === null ? null : (addressesOf(parseMasterUrl(masterUrl))[0] ?? null)
    } catch (error) {
      if (error instanceof NoAnswer || error instanceof UsageError) return null
      throw error
    }
  }
}
