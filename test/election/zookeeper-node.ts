/** Masters of a test, without cores: recoveries over a real ensemble whose events are kept, on real control ports. */
import { ControlServer } from '../../src/control/server.js'
import type { Leader, MasterIdentity } from '../../src/control/leadership.js'
import type { Mandate, Recovery } from '../../src/election/agent.js'
import { monotonicClock } from '../../src/election/zookeeper/clock.js'
import {
  type ZooKeeperOptions,
  connectTo,
  zooKeeperRecovery,
} from '../../src/election/zookeeper/recovery.js'
import { ControlReplicas } from '../../src/election/zookeeper/replica-transport.js'
import type { Logger } from '../../src/log/logger.js'

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
export const quietLog = quiet as unknown as Logger

export type Heard =
  | { readonly kind: 'lead'; readonly mandate: Mandate; readonly atMs: number }
  | { readonly kind: 'stepDown' | 'suspend'; readonly reason: string; readonly atMs: number }
  | { readonly kind: 'resume'; readonly atMs: number }
  | { readonly kind: 'follow'; readonly leader: Leader | null; readonly atMs: number }

/** A clock for masters that are to keep their mandate: a busy machine stands still for seconds, and starts ZooKeeper slowly. */
const SLOWED = 3
export const patient = {
  clock: {
    nowMs: () => monotonicClock.nowMs() / SLOWED,
    after: (ms: number, action: () => void) => monotonicClock.after(ms * SLOWED, action),
  },
}

const waiting = new Set<() => void>()
const LOOK_EVERY_MS = 50

/** Resolves when it holds, looked at after each event of any master, and now and then: not all of it comes with one. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  if (holds()) return
  await new Promise<void>((resolve, reject) => {
    const look = (): void => {
      if (!holds()) return
      clearInterval(again)
      clearTimeout(late)
      waiting.delete(look)
      resolve()
    }
    const again = setInterval(look, LOOK_EVERY_MS)
    const late = setTimeout(() => {
      clearInterval(again)
      waiting.delete(look)
      reject(new Error(`waited in vain until ${what}`))
    }, 45_000)
    waiting.add(look)
  })
}

/** One master; its events are in `heard`, oldest first. */
export class TestMaster {
  readonly heard: Heard[] = []
  readonly recovery: Recovery
  self: MasterIdentity = { masterUrl: '', webUiUrl: '', controlAddress: '' }
  readonly #replicas = new ControlReplicas()
  readonly #control: ControlServer
  #name: string

  constructor(name: string, url: string, options: Partial<ZooKeeperOptions> = {}) {
    this.#name = name
    this.#control = new ControlServer({
      log: quietLog,
      transport: 'ws',
      onConnected: () => {},
      onMessage: () => {},
      onDisconnected: () => {},
      replica: this.#replicas.sessions,
    })
    this.#replicas.attach(this.#control)
    this.recovery = zooKeeperRecovery({
      connect: connectTo(url),
      dir: '/spark',
      log: quietLog,
      replicas: this.#replicas,
      codec: null,
      ...options,
    })
  }

  async start(): Promise<void> {
    const port = await this.#control.listen('127.0.0.1', 0)
    const name = this.#name
    this.self = {
      masterUrl: `spark://${name}:7077`,
      webUiUrl: `http://${name}:8080`,
      controlAddress: `127.0.0.1:${port}`,
    }
    const note = (heard: object): void => {
      this.heard.push({ ...heard, atMs: performance.now() } as Heard)
      for (const look of waiting) look()
    }
    await this.recovery.start(this.self, {
      lead: (mandate) => note({ kind: 'lead', mandate }),
      stepDown: (reason) => note({ kind: 'stepDown', reason }),
      suspend: (reason) => note({ kind: 'suspend', reason }),
      resume: () => note({ kind: 'resume' }),
      follow: (leader) => note({ kind: 'follow', leader }),
    })
  }

  /** Its mandate now; null: it does not lead. */
  get mandate(): Mandate | null {
    const last = this.heard.findLast(({ kind }) => kind === 'lead' || kind === 'stepDown')
    return last?.kind === 'lead' ? last.mandate : null
  }

  /** Leaves as a master that is shut down does. */
  async stop(): Promise<void> {
    await this.recovery.close()
    await this.#control.stop('the test is over')
  }

  kinds(): string[] {
    return this.heard.map(({ kind }) => kind)
  }

  async leads(): Promise<Mandate> {
    await until(() => this.mandate !== null, `${this.#name} leads`)
    return this.mandate as Mandate
  }
}

/** Waits until one of them leads. */
export async function leaderOf(masters: readonly TestMaster[]): Promise<TestMaster> {
  const leads = (master: TestMaster): boolean => master.mandate !== null
  await until(() => masters.some(leads), 'a master leads')
  return masters.find(leads) as TestMaster
}

/** Records by key, as text. */
export function textOf(mandate: Mandate): Record<string, string> {
  const decoder = new TextDecoder()
  return Object.fromEntries(
    mandate.records.map(({ key, record }) => [key, decoder.decode(record)] as const),
  )
}

export function put(key: string, value: string): { key: string; record: Uint8Array } {
  return { key, record: new TextEncoder().encode(value) }
}
