/**
 * Random histories of masters that elect their leader with ZooKeeper, and what must hold in all of them: commits are
 * numbered without gaps, epochs never go back, what was confirmed is there once, and who begins to lead has exactly what
 * was written; nobody decides anything under an epoch below one that has begun.
 */
import { zooKeeperRecovery } from '../../src/election/zookeeper/recovery.js'
import type { Operation } from '../../src/election/zookeeper/session.js'
import { layoutOf, openValue } from '../../src/election/zookeeper/layout.js'
import type { Mandate, Recovery } from '../../src/election/agent.js'
import type { Logger } from '../../src/log/logger.js'
import type { StoreChange } from '../../src/store/engine.js'
import { FakeNetwork } from './fake-replicas.js'
import { FakeEnsemble } from './fake-zookeeper.js'
import { Host, World } from './virtual.js'

const LAYOUT = layoutOf('/spark')
const KEYS = 24
const STEP_EVERY_MS = 20
const SETTLE_MS = 60_000

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

export interface Outcome {
  readonly commits: number
  readonly mandates: number
  readonly warm: number
  readonly suspensions: number
}

/** One master process and its use of its recovery. */
class Process {
  readonly host: Host
  readonly recovery: Recovery
  mandate: Mandate | null = null
  suspended = false
  busy = false
  /** It is being shut down, and heeds nothing any more. */
  leaving = false

  constructor(history: History, name: string, log: Logger) {
    const { world, ensemble, network } = history
    this.host = new Host(name, world)
    const address = `${name}:1`
    this.recovery = zooKeeperRecovery({
      connect: (events) => ensemble.connect(this.host, events),
      dir: '/spark',
      log,
      replicas: network.transport(this.host, address),
      codec: null,
      clock: this.host,
      wallMs: () => 0,
      newId: () => history.newId(),
    })
    const self = { masterUrl: `spark://${name}`, webUiUrl: '', controlAddress: address }
    const live = (): boolean => this.host.alive && !this.leaving
    this.recovery
      .start(self, {
        lead: (mandate) => live() && this.#lead(history, mandate),
        stepDown: () => {
          if (!live()) return
          history.check(this.mandate !== null, 'stepDown without a mandate')
          this.mandate = null
          this.suspended = false
        },
        suspend: () => {
          if (!live()) return
          history.check(this.mandate !== null && !this.suspended, 'suspend out of order')
          this.suspended = true
          history.suspensions += 1
        },
        resume: () => {
          if (!live()) return
          history.check(this.mandate !== null && this.suspended, 'resume out of order')
          this.suspended = false
        },
        follow: () => {},
      })
      .catch((error: unknown) => history.check(!live(), `start: ${(error as Error).message}`))
  }

  #lead(history: History, mandate: Mandate): void {
    history.check(this.mandate === null, 'lead within a mandate')
    this.mandate = mandate
    this.suspended = false
    history.began(mandate)
  }

  /** Decides something, if it may. */
  step(history: History): void {
    const { mandate } = this
    if (mandate === null || this.busy || this.suspended || this.leaving) return
    if (this.host.halted) return
    if (!this.recovery.certain()) return
    history.check(
      mandate.epoch >= history.greatestEpoch,
      `${this.host.name} decides under epoch ${mandate.epoch} after ${history.greatestEpoch} began`,
    )
    const changes = history.changes(mandate.epoch)
    this.busy = true
    this.recovery.commit(changes).then(
      () => {
        this.busy = false
        return this.host.alive && history.confirmed(mandate.epoch, changes)
      },
      () => (this.busy = false),
    )
  }
}

export class History {
  readonly world: World
  readonly ensemble: FakeEnsemble
  readonly network: FakeNetwork
  readonly #log: Logger
  readonly #names = ['a', 'b', 'c']
  readonly #processes = new Map<string, Process>()
  greatestEpoch = 0
  suspensions = 0
  #mandates = 0
  #warm = 0
  #ids = 0
  #changes = 0
  #lastCommit = 0
  #lastEpoch = 0
  /** What was written, by value; how often. */
  readonly #written = new Map<string, number>()
  readonly #wrong: string[] = []

  constructor(seed: number, trace: (line: string) => void = () => {}) {
    this.world = new World(seed)
    this.ensemble = new FakeEnsemble(this.world)
    this.network = new FakeNetwork(this.world)
    this.ensemble.onApplied = (operations) => this.#applied(operations)
    const line = (message: string): void => {
      trace(`${this.world.nowMs.toFixed(1)} ${message}`)
      if (message.includes('records followed')) this.#warm += 1
    }
    this.#log = { debug: line, info: line, warn: line, error: line } as unknown as Logger
  }

  /** @returns what happened @throws Error with all that does not hold */
  async run(ms: number): Promise<Outcome> {
    for (const name of this.#names) this.#start(name)
    const steps = (): void => {
      this.ensemble.expire()
      for (const process of this.#processes.values()) process.host.deliver(() => process.step(this))
      this.world.after(STEP_EVERY_MS, steps)
    }
    steps()
    const faults = (): void => {
      if (this.world.nowMs > ms) return
      this.#fault()
      this.world.after(this.world.random.between(200, 6_000), faults)
    }
    this.world.after(5_000, faults)
    while (this.world.nowMs < ms && this.#wrong.length === 0) await this.world.run(1_000)
    await this.#settle()
    if (this.#wrong.length > 0) throw new Error(this.#wrong.join('\n'))
    return {
      commits: this.#lastCommit,
      mandates: this.#mandates,
      warm: this.#warm,
      suspensions: this.suspensions,
    }
  }

  newId(): string {
    this.#ids += 1
    return `id${this.#ids}`
  }

  check(holds: boolean, otherwise: string): void {
    if (!holds) this.#wrong.push(`${this.world.nowMs.toFixed(1)}: ${otherwise}`)
  }

  began(mandate: Mandate): void {
    this.#mandates += 1
    this.check(mandate.epoch > this.greatestEpoch, `epoch ${mandate.epoch} begins too late`)
    this.greatestEpoch = Math.max(this.greatestEpoch, mandate.epoch)
    const said = mandate.records.map(({ key, record }) => `${key}=${text(record)}`)
    const there = [...this.#stored()].map(([key, value]) => `${key}=${value}`)
    this.check(
      said.toSorted().join() === there.toSorted().join(),
      `epoch ${mandate.epoch} begins with ${said.toSorted().join()}, not ${there.toSorted().join()}`,
    )
  }

  changes(epoch: number): StoreChange[] {
    const count = this.world.random.between(1, 4)
    return Array.from({ length: count }, () => {
      this.#changes += 1
      const key = `k${this.world.random.between(0, KEYS - 1)}`
      const forget = this.world.random.chance(0.2)
      const record = new TextEncoder().encode(`${epoch}:${this.#changes}`)
      return { key, record: forget ? null : record }
    })
  }

  confirmed(epoch: number, changes: readonly StoreChange[]): boolean {
    const last = new Map(changes.map(({ key, record }) => [key, record]))
    for (const [key, record] of last) {
      if (record === null) continue
      const times = this.#written.get(text(record)) ?? 0
      this.check(times === 1, `${key} of epoch ${epoch} was confirmed and written ${times} times`)
    }
    return true
  }

  #applied(operations: readonly Operation[]): void {
    const number = operations.find(({ path }) => path === LAYOUT.commits)
    if (number?.kind !== 'set') return
    const next = Number(text(number.data))
    this.check(next === this.#lastCommit + 1, `commit ${next} after ${this.#lastCommit}`)
    this.#lastCommit = next
    for (const operation of operations) {
      if (!operation.path.startsWith(`${LAYOUT.records}/`) || !('data' in operation)) continue
      const value = text(openValue(operation.data).payload)
      this.#written.set(value, (this.#written.get(value) ?? 0) + 1)
      const epoch = Number(value.split(':')[0])
      this.check(epoch >= this.#lastEpoch, `epoch ${epoch} writes after ${this.#lastEpoch}`)
      this.#lastEpoch = epoch
    }
  }

  #stored(): Map<string, string> {
    const prefix = `${LAYOUT.records}/`
    const nodes = [...this.ensemble.tree()].filter(([path]) => path.startsWith(prefix))
    return new Map(
      nodes.map(([path, { data }]) => [path.slice(prefix.length), text(openValue(data).payload)]),
    )
  }

  #start(name: string): void {
    this.#processes.set(name, new Process(this, name, this.#log))
  }

  #fault(): void {
    const { world, ensemble, network } = this
    const process = world.random.pick([...this.#processes.values()])
    const { host } = process
    const forMs = world.random.between(100, world.random.chance(0.3) ? 25_000 : 4_000)
    const other = world.random.pick([...this.#processes.values()]).host
    const faults: (() => void)[] = [
      () => this.#kill(process, forMs),
      () => this.#kill(process, 100),
      () => {
        host.halt()
        world.after(forMs, () => host.goOn())
      },
      () => {
        ensemble.cut(host)
        world.after(forMs, () => ensemble.heal(host))
      },
      () => {
        ensemble.goDown()
        world.after(forMs, () => ensemble.comeBack())
      },
      () => ensemble.shake(host),
      () => {
        network.cut(host, other)
        world.after(forMs, () => network.heal())
      },
      () => this.#removeLatch(),
      () => this.#leave(process, forMs),
    ]
    const chosen = world.random.between(0, faults.length - 1)
    this.#log.info(`fault ${chosen} of ${host.name} for ${forMs}`)
    faults[chosen]?.()
  }

  #kill(process: Process, forMs: number): void {
    const { host } = process
    if (!host.alive) return
    host.kill()
    this.network.died(host)
    this.world.after(forMs, () => this.#start(host.name))
  }

  #leave(process: Process, forMs: number): void {
    if (!process.host.alive || process.host.halted) return
    process.leaving = true
    void process.recovery.close()
    this.world.after(1_500, () => this.#kill(process, forMs))
  }

  #removeLatch(): void {
    const latches = [...this.ensemble.tree().keys()].filter((path) =>
      path.startsWith(`${LAYOUT.latches}/`),
    )
    if (latches.length > 0) this.ensemble.removeNode(this.world.random.pick(latches))
  }

  /** When nothing is broken any more there is one leader, it works, and the others follow it. */
  async #settle(): Promise<void> {
    // The longest fault is over by then.
    await this.world.run(SETTLE_MS)
    const processes = [...this.#processes.values()]
    const leaders = processes.filter(({ mandate }) => mandate !== null)
    this.check(leaders.length === 1, `${leaders.length} masters lead at last`)
    const before = this.#lastCommit
    await this.world.run(2_000)
    this.check(this.#lastCommit > before, 'nothing is committed at last')
    for (const { host, recovery, mandate } of processes)
      if (mandate === null)
        this.check(recovery.status().behind !== null, `${host.name} does not follow at last`)
  }
}
