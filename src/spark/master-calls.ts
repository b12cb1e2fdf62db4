/**
 * A new leader calls the Spark processes of the one before, each at the address of its record, and tells them who leads
 * (M18): Spark's drivers wait for nothing else, its workers are back sooner than by themselves. The connection that was
 * called over stays: a peer sends its answer and all that follows on it, and takes its end for the end of the master.
 */
import { setMaxListeners } from 'node:events'

import type { Logger } from '../log/logger.js'
import { encodeOneWay } from './frame.js'
import { PeerDialect, type RpcAddress, type SparkVersion } from './messages.js'
import type { RecoveredPeer } from './recovered-peer.js'
import { shown, type RpcConnection } from './rpc-connection.js'
import { encodeRequestHeader } from './rpc-request.js'
import type { DialOptions } from './rpc-server.js'

/** Attempts under way at once: as many as a listen queue or two hold, so that 10,000 are through in a second. */
export const DIALS_AT_ONCE_MAX = 512
/** Hosts that are gone without a word hold up the others for no longer. */
const CONNECT_TIMEOUT_MS = 3_000
/** Before the second attempt; doubles up to the longest. */
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000
/** A word of the core, that it leads, counts for so long; far below any lease. */
const CERTAIN_FOR_MS = 100
/** Of those that were not reached, the log names so many. */
const NAMED_MAX = 5

export type Dial = (
  address: RecoveredPeer['address'],
  options: DialOptions,
) => Promise<RpcConnection>

export interface MasterCallsOptions {
  readonly log: Logger
  readonly dial: Dial
  /** Whoever has not answered after it is called no more: recovery goes on without it. */
  readonly tryForMs: number
  /**
   * Settles when this master leads: its core has answered, which it does only while that is certain. Spark's messages know
   * no epochs: a peer that is told by a master that was deposed meanwhile is lost to the one that leads.
   *
   * @throws Error when no answer comes
   */
  certain(): Promise<unknown>
  /** Tells the peer who leads. The connection is its from now on. */
  tell(this: void, connection: RpcConnection, peer: RecoveredPeer): void
}

/** MasterChanged as frames: all of one version are told the same. */
export class ChangeNotice {
  readonly #master: RpcAddress
  readonly #masterWebUiUrl: string
  readonly #streams = new Map<SparkVersion, Uint8Array>()

  constructor(master: RpcAddress, masterWebUiUrl: string) {
    this.#master = master
    this.#masterWebUiUrl = masterWebUiUrl
  }

  frameFor({ address, endpoint, version }: RecoveredPeer): Buffer {
    let stream = this.#streams.get(version)
    if (stream === undefined) {
      const [master, masterWebUiUrl] = [this.#master, this.#masterWebUiUrl]
      const dialect = new PeerDialect(version)
      stream = dialect.encode({ kind: 'MasterChanged', master, masterWebUiUrl }).slice()
      this.#streams.set(version, stream)
    }
    // The sender is what the peer knows this master by: with the connection, it has lost that one.
    const header = encodeRequestHeader({ sender: this.#master, receiver: address, endpoint })
    return encodeOneWay(header, stream)
  }
}

interface Call {
  readonly peer: RecoveredPeer
  /** It has neither answered nor been given up. */
  isOpen: boolean
  attempts: number
  /** Until the next attempt. */
  timer: NodeJS.Timeout | null
  /** Over which it was told. */
  connection: RpcConnection | null
  lastError: string
}

/** The calls of one mandate. */
export class MasterCalls {
  readonly #options: MasterCallsOptions
  /** Those that have not answered, by key. */
  readonly #open = new Map<string, Call>()
  readonly #byConnection = new Map<RpcConnection, Call>()
  readonly #queue: Call[] = []
  readonly #stop = new AbortController()
  #dialling = 0
  #certainMs = performance.now()
  #asking: Promise<void> | null = null
  #answered = 0
  #deadline: NodeJS.Timeout | null = null

  constructor(options: MasterCallsOptions, peers: readonly RecoveredPeer[]) {
    this.#options = options
    // As many dials hang on it as are under way; Node would take more than ten for a leak, and say so.
    setMaxListeners(DIALS_AT_ONCE_MAX, this.#stop.signal)
    for (const peer of peers) {
      const call = { peer, isOpen: true, attempts: 0, timer: null, connection: null, lastError: '' }
      this.#open.set(keyOf(peer), call)
      this.#queue.push(call)
    }
    if (this.#open.size === 0) return
    options.log.info(`telling ${this.#open.size} Spark workers and drivers that this master leads`)
    this.#deadline = setTimeout(() => this.#giveUp(), options.tryForMs)
    this.#deadline.unref()
    this.#fill()
  }

  /** It is there, over whatever connection. */
  answered(kind: RecoveredPeer['kind'], id: string): void {
    const call = this.#open.get(keyOf({ kind, id }))
    if (call === undefined) return
    this.#answered++
    this.#forget(call)
    if (this.#open.size > 0) return
    this.#options.log.info(`all ${this.#answered} Spark workers and drivers have answered`)
    this.end()
  }

  /** To be called for every connection; one that was told and has not answered is called again. */
  connectionClosed(connection: RpcConnection, reason: string): void {
    const call = this.#byConnection.get(connection)
    if (call === undefined) return
    this.#byConnection.delete(connection)
    call.connection = null
    this.#again(call, reason)
  }

  /** Nobody is called any more; connections that are open stay. */
  end(): void {
    this.#stop.abort()
    if (this.#deadline !== null) clearTimeout(this.#deadline)
    for (const call of this.#open.values()) this.#forget(call)
    this.#queue.length = 0
  }

  #fill(): void {
    while (this.#dialling < DIALS_AT_ONCE_MAX) {
      const call = this.#queue.shift()
      if (call === undefined) return
      if (call.isOpen) void this.#dial(call)
    }
  }

  async #dial(call: Call): Promise<void> {
    const { dial, tell } = this.#options
    const { peer } = call
    call.attempts++
    this.#dialling++
    try {
      const connection = await dial(peer.address, {
        version: peer.version,
        timeoutMs: CONNECT_TIMEOUT_MS,
        signal: this.#stop.signal,
      })
      await this.#becomeCertain(connection)
      if (!call.isOpen) return connection.close('it has answered over another connection')
      if (connection.closed) throw new Error('it has closed the connection')
      call.connection = connection
      this.#byConnection.set(connection, call)
      tell(connection, peer)
    } catch (error) {
      this.#again(call, (error as Error).message)
    } finally {
      this.#dialling--
      this.#fill()
    }
  }

  async #becomeCertain(connection: RpcConnection): Promise<void> {
    // A process that was stopped for a while finds its timers due, and itself deposed.
    if (performance.now() - this.#certainMs < CERTAIN_FOR_MS) return
    this.#asking ??= this.#askWhetherCertain().finally(() => {
      this.#asking = null
    })
    try {
      await this.#asking
    } catch (error) {
      connection.close('this master is not sure that it leads')
      throw error
    }
  }

  async #askWhetherCertain(): Promise<void> {
    const askedMs = performance.now()
    await this.#options.certain()
    this.#certainMs = askedMs
  }

  #again(call: Call, reason: string): void {
    if (!call.isOpen) return
    call.lastError = reason
    const { log } = this.#options
    log.debug(`${nameOf(call.peer)} can't be told who leads: ${reason}`)
    const longestMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (call.attempts - 1))
    // Jitter, so that those of one host do not all come at once.
    const pauseMs = longestMs / 2 + (Math.random() * longestMs) / 2
    call.timer = setTimeout(() => {
      call.timer = null
      this.#queue.push(call)
      this.#fill()
    }, pauseMs)
    call.timer.unref()
  }

  #giveUp(): void {
    const silent = [...this.#open.values()]
    const { log, tryForMs } = this.#options
    const named = silent.slice(0, NAMED_MAX).map(({ peer, connection, lastError }) => {
      return `${nameOf(peer)} (${connection === null ? lastError : 'no answer'})`
    })
    const more = silent.length > NAMED_MAX ? ', ...' : ''
    log.warn(
      `${silent.length} of ${silent.length + this.#answered} Spark workers and drivers have not answered ` +
        `this master in ${tryForMs / 1000} s and are called no more: ${named.join(', ')}${more}`,
    )
    this.end()
  }

  #forget(call: Call): void {
    call.isOpen = false
    this.#open.delete(keyOf(call.peer))
    if (call.timer !== null) clearTimeout(call.timer)
    if (call.connection !== null) this.#byConnection.delete(call.connection)
  }
}

function keyOf({ kind, id }: Pick<RecoveredPeer, 'kind' | 'id'>): string {
  return `${kind} ${id}`
}

function nameOf({ kind, id, address: { host, port } }: RecoveredPeer): string {
  return `${kind} ${shown(id)} at ${host}:${port}`
}
