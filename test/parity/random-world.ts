/** What a generator of histories must know of a cluster to say things that make sense. */
import { workerOf } from './action.js'
import type { Row } from './row.js'
import { rowText, wordOf } from './row.js'

export interface KnownExecutor {
  readonly name: string
  readonly worker: string
  running: boolean
}

export interface KnownApp {
  readonly name: string
  /** CORES:MEM:GPUS by profile id. */
  readonly shapes: Map<number, string>
  /** The last targets, to be asked for again. */
  targets: string[]
}

export interface KnownDriver {
  readonly name: string
  /** null: it waits. */
  worker: string | null
  readonly supervised: boolean
  killed: boolean
}

/** Follows what rows say and what the core answers; the core's word is what the generator goes by. */
export class World {
  readonly workers = new Map<string, Row>()
  /** Dropped, and not back. One that left does not come back: Apache's Master takes it for a new one. */
  readonly lost = new Map<string, Row>()
  readonly leaving = new Set<string>()
  readonly apps = new Map<string, KnownApp>()
  readonly executors = new Map<string, KnownExecutor>()
  /** Told to die, and not yet reported dead. */
  readonly dying = new Map<string, KnownExecutor>()
  readonly drivers = new Map<string, KnownDriver>()
  #counters = new Map<string, number>()

  next(letter: string): string {
    const number = (this.#counters.get(letter) ?? 0) + 1
    this.#counters.set(letter, number)
    return `${letter}${number}`
  }

  executorsOf(app: string): KnownExecutor[] {
    return [...this.executors.values()].filter(({ name }) => name.startsWith(`${app}/`))
  }

  executorsOn(worker: string): KnownExecutor[] {
    return [...this.executors.values()].filter((executor) => executor.worker === worker)
  }

  /**
   * Apache's Master relaunches the drivers of a lost worker in the order of a hash table, and those, too, that
   * somebody killed: at most one supervised one, and none that is about to end.
   */
  mayBeLost(host: string): boolean {
    const hosted = [...this.drivers.values()].filter(({ worker }) => worker === host)
    const supervised = hosted.filter((driver) => driver.supervised)
    return supervised.length < 2 && !hosted.some(({ killed }) => killed)
  }

  take(row: Row, outcome: readonly string[]): void {
    this.#said(row)
    for (const effect of outcome) this.#heard(row, effect.split(' '))
  }

  #said(row: Row): void {
    if (row.verb === 'drop') this.#dropped(wordOf(row, 0))
    if (row.verb === 'unregister') this.#ended(wordOf(row, 0))
    if (row.verb === 'decommissioning') this.#leaves(wordOf(row, 0))
    if (row.verb === 'state') {
      const executor = this.executors.get(wordOf(row, 1))
      const state = wordOf(row, 2)
      if (executor !== undefined && state === 'RUNNING') executor.running = true
      else if (state !== 'DECOMMISSIONED') this.executors.delete(wordOf(row, 1))
      this.dying.delete(wordOf(row, 1))
    }
    if (row.verb === 'killdriver' || row.verb === 'killdrivers')
      for (const driver of this.drivers.values())
        if (row.verb === 'killdrivers' || driver.name === row.words[0]) driver.killed = true
    if (row.verb === 'driverstate') this.drivers.delete(wordOf(row, 1))
  }

  #heard(row: Row, [peer = '', kind, name = '']: readonly string[]): void {
    if (kind === 'WorkerRegistered' && row.verb === 'worker') {
      const { id } = workerOf(row)
      this.lost.delete(id)
      this.workers.set(id, this.workers.get(id) ?? row)
    } else if (kind === 'ApplicationRegistered') {
      this.apps.set(peer, { name: peer, shapes: new Map(), targets: [] })
    } else if (kind === 'LaunchExecutor') {
      this.executors.set(name, { name, worker: peer, running: false })
    } else if (kind === 'KillExecutor') {
      const executor = this.executors.get(name)
      if (executor !== undefined) this.dying.set(name, executor)
      this.executors.delete(name)
    } else if (kind === 'ApplicationRemoved') this.#ended(peer)
    else if (kind === 'DecommissionWorker') this.#leaves(peer)
    else if (kind === 'LaunchDriver') this.#driverStarts(name, peer, row)
    else if (kind === 'Reply' && row.verb === 'submit' && name === 'true')
      this.drivers.set(wordOf(row, 0), this.drivers.get(wordOf(row, 0)) ?? waiting(row))
    else if (kind === 'CLOSE' || kind === 'Refused')
      throw new Error(`a history must not break the rules of sessions: ${rowText(row)}: ${kind}`)
  }

  /** One that nobody submitted takes the place of a supervised one that was lost. */
  #driverStarts(name: string, worker: string, row: Row): void {
    const submitted = row.verb === 'submit' && row.words[0] === name ? waiting(row) : undefined
    const known = this.drivers.get(name) ?? submitted
    const { supervised, killed } = known ?? { supervised: true, killed: false }
    this.drivers.set(name, { name, worker, supervised, killed })
  }

  #leaves(worker: string): void {
    this.leaving.add(worker)
    for (const executor of this.executorsOn(worker)) {
      this.executors.delete(executor.name)
      this.dying.set(executor.name, executor)
    }
  }

  #dropped(peer: string): void {
    const worker = this.workers.get(peer)
    if (worker === undefined) return this.#ended(peer)
    this.workers.delete(peer)
    if (!this.leaving.delete(peer)) this.lost.set(peer, worker)
    for (const [name, executor] of this.executors)
      if (executor.worker === peer) this.executors.delete(name)
    for (const [name, executor] of this.dying) if (executor.worker === peer) this.dying.delete(name)
    for (const [name, driver] of this.drivers) if (driver.worker === peer) this.drivers.delete(name)
  }

  #ended(app: string): void {
    this.apps.delete(app)
    for (const executor of this.executorsOf(app)) {
      this.dying.set(executor.name, executor)
      this.executors.delete(executor.name)
    }
  }
}

function isSupervised(row: Row): boolean {
  return row.options.get('supervise') === 'true'
}

function waiting(row: Row): KnownDriver {
  return { name: wordOf(row, 0), worker: null, supervised: isSupervised(row), killed: false }
}
