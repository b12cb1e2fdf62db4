/**
 * A ZooKeeper in memory, as bad as the real one may be: connections break with requests under way that are lost, or are
 * carried out although nobody hears of it, or are carried out late; reads come from servers that lag; sessions expire.
 */
import {
  type CreateMode,
  ErrorCode,
  type NodeData,
  type Operation,
  type SessionEvents,
  type SessionState,
  type ZooKeeperSession,
  ZooKeeperError,
} from '../../src/election/zookeeper/session.js'
import type { Host, World } from './virtual.js'

interface Node {
  readonly data: Uint8Array
  readonly version: number
  readonly mzxid: bigint
  readonly owner: bigint
}

type Tree = Map<string, Node>

const SESSION_MS = 4_000
const KEPT_TREES = 6

export class FakeEnsemble {
  readonly world: World
  /** No server answers while it is down; sessions do not expire meanwhile. */
  up = true
  readonly #cut = new Set<Host>()
  readonly #sessions = new Set<FakeSession>()
  /** The last states, newest last. */
  #trees: { zxid: bigint; tree: Tree }[] = [{ zxid: 0n, tree: new Map([['/', node()]]) }]
  #sequence = 0
  #nextSession = 1n
  /** Sees every transaction that is carried out. */
  onApplied: (operations: readonly Operation[]) => void = () => {}

  constructor(world: World) {
    this.world = world
  }

  connect(host: Host, events: SessionEvents): FakeSession {
    const session = new FakeSession(this, host, events, this.#nextSession)
    this.#nextSession += 1n
    this.#sessions.add(session)
    return session
  }

  cut(host: Host): void {
    this.#cut.add(host)
    this.#breakWhere((session) => session.host === host)
  }

  heal(host: Host): void {
    this.#cut.delete(host)
  }

  goDown(): void {
    this.up = false
    this.#breakWhere(() => true)
  }

  comeBack(): void {
    this.up = true
    // Sessions have their whole time again, as after a restart.
    for (const session of this.#sessions) session.heardMs = this.world.nowMs
  }

  /** All connections of a host break, and come back soon. */
  shake(host: Host): void {
    this.#breakWhere((session) => session.host === host)
  }

  reaches(host: Host): boolean {
    return this.up && host.alive && !this.#cut.has(host)
  }

  /** Sessions nobody was heard of for too long are over. */
  expire(): void {
    if (!this.up) return
    for (const session of this.#sessions) {
      if (session.open && !session.host.halted) session.heardMs = this.world.nowMs
      if (this.world.nowMs - session.heardMs <= SESSION_MS) continue
      this.end(session)
      session.break()
    }
  }

  end(session: FakeSession): void {
    session.over = true
    this.#sessions.delete(session)
    const { tree } = this.#newest()
    const left = [...tree].filter(([, { owner }]) => owner !== session.id)
    if (left.length < tree.size) this.#push(new Map(left))
  }

  tree(): ReadonlyMap<string, Node> {
    return this.#newest().tree
  }

  /** By hand, as an operator would. */
  removeNode(path: string): void {
    const tree = new Map(this.#newest().tree)
    tree.delete(path)
    this.#push(tree)
  }

  /** A state that a server may have which the session has not been ahead of. */
  stateFor(session: FakeSession): { zxid: bigint; tree: Tree } {
    const fresh = this.#trees.filter(({ zxid }) => zxid >= session.zxid)
    const lags = this.world.random.chance(0.2)
    return lags ? this.world.random.pick(fresh) : this.#newest()
  }

  /** @returns the path of a created node for each, or its version */
  apply(
    operations: readonly (Operation & { readonly mode?: CreateMode })[],
    session: FakeSession,
  ): { versions: number[]; paths: string[] } {
    const tree = new Map(this.#newest().tree)
    const zxid = this.#newest().zxid + 1n
    const versions: number[] = []
    const paths: string[] = []
    for (const [index, operation] of operations.entries()) {
      const { path } = operation
      const found = tree.get(path)
      const fail = (code: number): never => {
        // A failed transaction has its number too: whoever hears of it has seen all before it.
        this.#push(this.#newest().tree)
        session.zxid = this.#newest().zxid
        throw new ZooKeeperError(code, `${operation.kind} ${path}`, index)
      }
      if (operation.kind === 'create') {
        const parent = path.slice(0, path.lastIndexOf('/')) || '/'
        if (!tree.has(parent)) fail(ErrorCode.NO_NODE)
        if (found !== undefined) fail(ErrorCode.NODE_EXISTS)
        const sequential = operation.mode === 'ephemeral-sequential'
        this.#sequence += sequential ? 1 : 0
        const name = sequential ? `${path}${String(this.#sequence).padStart(10, '0')}` : path
        const owner = operation.mode?.startsWith('ephemeral') ? session.id : 0n
        if (owner !== 0n && session.over) fail(ErrorCode.SESSION_EXPIRED)
        tree.set(name, { ...node(operation.data), mzxid: zxid, owner })
        versions.push(0)
        paths.push(name)
        continue
      }
      if (found === undefined) fail(ErrorCode.NO_NODE)
      const { version, owner } = found as Node
      if (operation.version !== undefined && operation.version !== version)
        fail(ErrorCode.BAD_VERSION)
      if (operation.kind === 'delete') tree.delete(path)
      if (operation.kind === 'set')
        tree.set(path, { data: operation.data, version: version + 1, mzxid: zxid, owner })
      versions.push(operation.kind === 'set' ? version + 1 : -1)
    }
    this.#push(tree)
    session.zxid = this.#newest().zxid
    this.onApplied(operations)
    return { versions, paths }
  }

  #newest(): { zxid: bigint; tree: Tree } {
    return this.#trees.at(-1) as { zxid: bigint; tree: Tree }
  }

  #push(tree: Tree): void {
    this.#trees = [...this.#trees, { zxid: this.#newest().zxid + 1n, tree }].slice(-KEPT_TREES)
  }

  #breakWhere(broken: (session: FakeSession) => boolean): void {
    for (const session of this.#sessions) if (broken(session)) session.break()
  }
}

function node(data: Uint8Array = new Uint8Array()): Node {
  return { data, version: 0, mzxid: 0n, owner: 0n }
}

/** A request that is under way: towards the ensemble first, then back. */
interface Flight {
  settled: boolean
  applied: boolean
  run: () => void
  fail: (error: Error) => void
}

export class FakeSession implements ZooKeeperSession {
  readonly id: bigint
  readonly host: Host
  zxid = 0n
  /** Of the world, as the ensemble knows it. */
  heardMs: number
  over = false
  open = false
  state: SessionState = 'connecting'
  timeoutMs = 0
  trouble = ''
  readonly #ensemble: FakeEnsemble
  readonly #events: SessionEvents
  #flights: Flight[] = []
  #lastMs = 0

  constructor(ensemble: FakeEnsemble, host: Host, events: SessionEvents, id: bigint) {
    this.#ensemble = ensemble
    this.host = host
    this.#events = events
    this.id = id
    this.heardMs = ensemble.world.nowMs
    this.#connectSoon()
  }

  async create(path: string, data: Uint8Array, mode: CreateMode): Promise<string> {
    const operation = { kind: 'create', path, data, mode } as const
    return this.#request(() => this.#ensemble.apply([operation], this).paths[0] as string)
  }

  get(path: string): Promise<NodeData | null> {
    return this.#read((tree) => {
      const found = tree.get(path)
      if (found === undefined) return null
      const { data, version, mzxid, owner } = found
      return { data, stat: { version, mzxid, ephemeralOwner: owner } }
    })
  }

  children(path: string): Promise<string[] | null> {
    return this.#read((tree) => {
      if (!tree.has(path)) return null
      const below = [...tree.keys()].filter((other) => other.startsWith(`${path}/`))
      return below.map((other) => other.slice(path.length + 1))
    })
  }

  async remove(path: string): Promise<void> {
    await this.multi([{ kind: 'delete', path }])
  }

  multi(operations: readonly Operation[]): Promise<number[]> {
    return this.#request(() => this.#ensemble.apply(operations, this).versions)
  }

  close(): Promise<void> {
    if (this.open) this.#ensemble.end(this)
    this.open = false
    this.state = 'closed'
    return Promise.resolve()
  }

  /** The connection is gone, and what was under way with it: lost, carried out unheard, or carried out late. */
  break(): void {
    if (!this.open) return
    this.open = false
    const flights = this.#flights
    this.#flights = []
    const { world } = this.#ensemble
    for (const flight of flights) {
      if (!flight.applied && world.random.chance(0.4))
        world.after(world.random.between(0, 400), () => flight.run())
    }
    this.host.deliver(() => {
      if (this.state !== 'connected') return
      this.trouble = 'the connection broke'
      this.state = 'connecting'
      for (const flight of flights) {
        flight.settled = true
        flight.fail(new ZooKeeperError(ErrorCode.CONNECTION_LOSS, 'broken'))
      }
      this.#events.onState('connecting')
    })
    this.#connectSoon()
  }

  #read<T>(look: (tree: Tree) => T): Promise<T> {
    return this.#request(() => {
      const { zxid, tree } = this.#ensemble.stateFor(this)
      this.zxid = zxid
      return look(tree)
    })
  }

  #connectSoon(): void {
    const { world } = this.#ensemble
    world.after(world.random.between(5, 200), () => {
      if (this.open || !this.host.alive || this.state === 'closed') return
      if (!this.#ensemble.reaches(this.host)) {
        this.#connectSoon()
        return
      }
      this.open = !this.over
      this.heardMs = world.nowMs
      this.host.deliver(() => {
        if (this.state === 'closed' || this.state === 'expired') return
        if (!this.over && !this.open) return
        this.state = this.over ? 'expired' : 'connected'
        this.timeoutMs = SESSION_MS
        this.trouble = this.over ? 'the session expired' : ''
        this.#events.onState(this.state)
      })
    })
  }

  #request<T>(carryOut: () => T): Promise<T> {
    const { world } = this.#ensemble
    if (this.state !== 'connected' || !this.open) {
      const code = this.state === 'expired' ? ErrorCode.SESSION_EXPIRED : ErrorCode.CONNECTION_LOSS
      return Promise.reject(new ZooKeeperError(code, 'not connected'))
    }
    return new Promise((resolve, reject) => {
      const flight: Flight = { settled: false, applied: false, run: () => {}, fail: reject }
      flight.run = () => {
        if (!this.#ensemble.up) return
        flight.applied = true
        let answer: () => void
        try {
          const result = carryOut()
          answer = () => resolve(result)
        } catch (error) {
          answer = () => reject(error)
        }
        if (!this.#flights.includes(flight)) return
        this.#inOrder(() => {
          if (!this.#flights.includes(flight)) return
          this.host.deliver(() => {
            const at = this.#flights.indexOf(flight)
            if (at >= 0) this.#flights.splice(at, 1)
            if (!flight.settled) answer()
          })
        })
      }
      this.#flights.push(flight)
      this.#inOrder(() => {
        if (this.#flights.includes(flight)) flight.run()
      })
      if (world.random.chance(0.002)) world.after(1, () => this.break())
    })
  }

  /** Nothing overtakes on one connection. */
  #inOrder(run: () => void): void {
    const { world } = this.#ensemble
    this.#lastMs = Math.max(this.#lastMs, world.nowMs + world.random.between(0.2, 4))
    world.after(this.#lastMs - world.nowMs, run)
  }
}
