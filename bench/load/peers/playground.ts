/** All peers that one generator plays for one master: their addresses, their port, their workers, and what may go wrong. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import type { RpcAddress } from '../../../src/spark/messages.js'
import type { MasterUnderTest } from '../scenario.js'
import { PlayedDriver, type DriverContext } from './driver.js'
import { booleanIn, type ExecutorName } from './hear.js'
import { Link, type LinkEvents } from './link.js'
import { Listener } from './listener.js'
import { LoadError, Tally, Waits } from './waits.js'
import { clientWords, workerWords, type ClientWords } from './words.js'
import { PlayedWorker, type WorkerContext, type WorkerSize } from './worker.js'

/** Connections that are being opened at once: more would not fit into the backlog of Apache's Master. */
const OPENING_MAX = 100
/** What a process has open besides its peers. */
const SPARE_FILES = 200
const FIRST_HOST = 0x7f_40_00_01
const LAST_HOST = 0x7f_fe_ff_ff
const OPEN_TIMEOUT_S = 120
const REGISTER_TIMEOUT_S = 300
/** Spark's workers beat four times within spark.worker.timeout. */
const HEARTBEAT_MS = 15_000
const HEARTBEAT_SLICES = 60
/** Apache's Master takes a while to list 10,000 workers, and longer when it is busy. */
const STATE_TIMEOUT_MS = 30_000

export interface PlaygroundEvents {
  /** @returns whether the worker says by itself that the executor runs; absent: it does */
  launched?(worker: PlayedWorker, executor: ExecutorName): boolean
  acknowledged?(worker: PlayedWorker, executor: ExecutorName): void
  killed?(worker: PlayedWorker, executor: ExecutorName): void
  driverLaunched?(worker: PlayedWorker, driverId: string): void
  /** @returns what the worker tells a master that has come to lead; absent: none is expected */
  masterChanged?(worker: PlayedWorker): Buffer
  /** Absent: it must not happen. */
  lost?(worker: PlayedWorker): void
}

/** The numbers of a master's `/json`, which both masters have. */
export interface MasterState {
  readonly aliveworkers: number
  readonly cores: number
  readonly coresused: number
  readonly status: string
  readonly activeapps: readonly { readonly id: string; readonly name: string }[]
  readonly activedrivers: readonly { readonly id: string }[]
}

let generations = 0

export class Playground {
  readonly waits = new Waits()
  readonly master: MasterUnderTest
  readonly address: RpcAddress
  readonly client: ClientWords
  events: PlaygroundEvents = {}
  workers: PlayedWorker[] = []
  readonly #listener: Listener
  readonly #peers = new Map<string, LinkEvents>()
  #nextHost = FIRST_HOST
  #port = 0
  #beating: NodeJS.Timeout | null = null
  #closed = false
  #onRegistered: (() => void) | null = null

  private constructor(master: MasterUnderTest) {
    this.master = master
    this.address = { host: master.host, port: master.port }
    this.client = clientWords(this.address, { cores: 1, memoryMb: 512 })
    this.#listener = new Listener((host) => this.#peers.get(host))
  }

  static async open(master: MasterUnderTest): Promise<Playground> {
    const playground = new Playground(master)
    playground.#port = await playground.#listener.listen()
    return playground
  }

  /** Where peers listen. */
  get port(): number {
    return this.#port
  }

  /** Pages of workers that the master has asked for, and connections that it has dialled. */
  get inbound(): { readonly pages: number; readonly dialled: number } {
    return { pages: this.#listener.pages, dialled: this.#listener.dialled }
  }

  /** An address in 127.0.0.0/8 that no other peer has: a master knows peers by theirs. */
  nextHost(): string {
    const host = this.#nextHost++
    if (host > LAST_HOST) throw new LoadError('there are no more addresses of the loopback')
    return `127.${(host >> 16) & 255}.${(host >> 8) & 255}.${host & 255}`
  }

  /** Messages that come over a connection which the master has dialled are for whoever is at that host. */
  at(host: string, peer: LinkEvents): void {
    this.#peers.set(host, peer)
  }

  gone(host: string): void {
    this.#peers.delete(host)
  }

  trouble(reason: string): void {
    if (!this.#closed) this.waits.fail(reason)
  }

  /** An application that is not connected yet, under an address of its own. */
  driver(name: string, context: Omit<DriverContext, 'master' | 'port' | 'trouble'>): PlayedDriver {
    const driver = new PlayedDriver(this.nextHost(), name, {
      ...context,
      master: this.address,
      port: this.#port,
      trouble: (reason) => this.trouble(reason),
    })
    this.at(driver.host, driver)
    return driver
  }

  /** A connection of its own, for asks. */
  probe(): Promise<Link> {
    const lost = (reason: string): void => this.trouble(`a client's connection was lost: ${reason}`)
    return Link.open(this.master.host, this.master.port, { heard: () => {}, lost })
  }

  /** Null while the master takes no connections; the end of one is no trouble. */
  async quietProbe(): Promise<Link | null> {
    try {
      const { host, port } = this.master
      return await Link.open(host, port, { heard: () => {}, lost: () => {} })
    } catch (error) {
      if (error instanceof LoadError) return null
      throw error
    }
  }

  /** Connected and looked up, not registered. */
  async connectWorkers(count: number, size: WorkerSize): Promise<PlayedWorker[]> {
    checkFiles(count)
    const context = this.#context(size)
    const generation = ++generations
    const workers = Array.from(
      { length: count },
      () => new PlayedWorker(this.nextHost(), context, generation),
    )
    for (const worker of workers) this.at(worker.host, worker)
    const opened = inTurns(OPENING_MAX, workers, (worker) => worker.connect())
    await this.waits.within(OPEN_TIMEOUT_S, `${count} connections of workers`, opened)
    this.workers.push(...workers)
    return workers
  }

  /** All at once. @returns ms from the first byte until the last one is in; each one's own in `latencies` */
  async register(workers: readonly PlayedWorker[]): Promise<number> {
    const registrations = workers.map((worker) => worker.registration())
    const tally = new Tally(workers.length)
    this.#onRegistered = () => tally.add()
    const startMs = performance.now()
    for (const [index, worker] of workers.entries()) worker.link!.write(registrations[index]!)
    await this.waits.within(REGISTER_TIMEOUT_S, tally.of('RegisteredWorker'), tally.reached)
    return performance.now() - startMs
  }

  /** A cluster as it is in the long run: registered workers, each of which beats every 15 s. */
  async startWorkers(count: number, size: WorkerSize): Promise<void> {
    await this.register(await this.connectWorkers(count, size))
    this.beat()
    await this.untilState(
      `${count} workers that are alive`,
      ({ aliveworkers }) => aliveworkers === count,
    )
  }

  /** From now on, spread over the interval. */
  beat(): void {
    if (this.#beating !== null) return
    let slice = 0
    this.#beating = setInterval(() => {
      for (let index = slice; index < this.workers.length; index += HEARTBEAT_SLICES) {
        const worker = this.workers[index]!
        if (worker.isRegistered) worker.link?.write(worker.heartbeat())
      }
      slice = (slice + 1) % HEARTBEAT_SLICES
    }, HEARTBEAT_MS / HEARTBEAT_SLICES)
    this.#beating.unref()
  }

  /** Their connections end; returns when the master has seen it. */
  async dismiss(workers: readonly PlayedWorker[]): Promise<void> {
    const leaving = new Set(workers)
    this.workers = this.workers.filter((worker) => !leaving.has(worker))
    for (const worker of workers) {
      worker.leave()
      this.gone(worker.host)
    }
    const left = this.workers.length
    await this.untilState(`${left} workers left`, ({ aliveworkers }) => aliveworkers === left)
  }

  /** All that this worker has said before has taken effect. */
  processed(worker: PlayedWorker): Promise<void> {
    return new Promise((resolve) => {
      worker.link!.ask(
        (id) => this.client.readyz.frame({ host: worker.host, port: this.#port }, id),
        (answer, error) => {
          if (answer === null || !booleanIn(answer))
            this.trouble(`RequestReadyz: ${answer === null ? error : 'the master does not lead'}`)
          else resolve()
        },
      )
    })
  }

  /** Nothing runs on the cluster, by the master's own word. */
  async untilIdle(): Promise<void> {
    const count = this.workers.length
    await this.untilState(
      `${count} workers with nothing to do`,
      (state) =>
        state.aliveworkers === count &&
        state.coresused === 0 &&
        state.activeapps.length === 0 &&
        state.activedrivers.length === 0,
    )
  }

  /** What the master itself says about its cluster; its page is asked again and again. */
  async untilState(
    what: string,
    holds: (state: MasterState) => boolean,
    withinS = 120,
  ): Promise<MasterState> {
    const deadline = performance.now() + withinS * 1000
    for (;;) {
      const state = await this.state()
      if (state !== null && holds(state)) return state
      if (performance.now() > deadline) {
        const seen =
          state === null
            ? 'nothing'
            : `${state.status}, ${state.aliveworkers} workers, ${state.coresused} of ${state.cores} cores, ` +
              `${state.activeapps.length} applications, ${state.activedrivers.length} drivers`
        throw new LoadError(
          `waited ${withinS} s for ${what}; /json of ${this.master.kind} says ${seen}`,
        )
      }
      await this.waits.within(10, 'a pause', new Promise((done) => setTimeout(done, 100)))
    }
  }

  /** @returns null when the master does not answer within that time */
  async state(withinMs = STATE_TIMEOUT_MS): Promise<MasterState | null> {
    const { host, webUiPort } = this.master
    const text = await page({ host, port: webUiPort, path: '/json/' }, withinMs)
    try {
      return text === null ? null : (JSON.parse(text) as MasterState)
    } catch {
      return null
    }
  }

  /** What of `state` is the master's own, which no number of workers makes long. */
  async status(withinMs = STATE_TIMEOUT_MS): Promise<MasterState['status'] | null> {
    const { host, webUiPort } = this.master
    const text = await page({ host, port: webUiPort, path: '/json/status' }, withinMs)
    try {
      return text === null ? null : (JSON.parse(text) as Pick<MasterState, 'status'>).status
    } catch {
      return null
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#beating !== null) clearInterval(this.#beating)
    for (const worker of this.workers) worker.leave()
    await this.#listener.close()
  }

  #context(size: WorkerSize): WorkerContext {
    return {
      words: workerWords(this.address),
      size,
      master: this.address,
      port: this.#port,
      registered: () => this.#onRegistered?.(),
      launched: (worker, executor) => this.events.launched?.(worker, executor) ?? true,
      acknowledged: (worker, executor) => this.events.acknowledged?.(worker, executor),
      killed: (worker, executor) => this.events.killed?.(worker, executor),
      driverLaunched: (worker, driverId) => this.events.driverLaunched?.(worker, driverId),
      masterChanged: (worker) => {
        const answer = this.events.masterChanged?.(worker)
        if (answer !== undefined) return answer
        throw new LoadError(`${worker.id} was told MasterChanged`)
      },
      lost: (worker, reason) => {
        if (this.events.lost !== undefined) this.events.lost(worker)
        else this.trouble(`${worker.id}: connection lost: ${reason}`)
      },
      trouble: (reason) => this.trouble(reason),
    }
  }
}

/**
 * On a connection of its own: one that is kept may lead to a master that has died.
 *
 * @returns null when it does not come whole within that time
 */
function page(
  at: { readonly host: string; readonly port: number; readonly path: string },
  withinMs: number,
): Promise<string | null> {
  return new Promise((resolve) => {
    const request = get({ ...at, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve(text))
      response.on('error', () => resolve(null))
    })
    const timer = setTimeout(() => request.destroy(), withinMs)
    request.on('error', () => resolve(null))
    request.on('close', () => {
      clearTimeout(timer)
      resolve(null)
    })
  })
}

/** At most `width` of them under way. */
export async function inTurns<T>(
  width: number,
  items: readonly T[],
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const waiting = items.values()
  const turn = async (): Promise<void> => {
    for (const item of waiting) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, turn))
}

/** @throws LoadError with what to do when this process may not open that many files */
export function checkFiles(connections: number): void {
  const needed = connections + SPARE_FILES
  const limit = openFilesLimit()
  if (limit >= needed) return
  try {
    // Node raises its soft limit to the hard one by itself; the hard one takes a privilege.
    execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${needed}:${needed}`], {
      stdio: 'ignore',
    })
  } catch {
    throw new LoadError(
      `${connections} connections need ${needed} open files, this process may have ${limit}: ` +
        `run it from a shell after "ulimit -n ${needed}"`,
    )
  }
}

function openFilesLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1]
  return soft === undefined || soft === 'unlimited' ? Infinity : Number(soft)
}
