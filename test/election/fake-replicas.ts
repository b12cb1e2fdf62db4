/** Control ports of a test in memory: connections between hosts that are cut, halted or gone. */
import type {
  FollowerConnection,
  FollowerEvents,
  ReplicaSessions,
  ReplicaTransport,
} from '../../src/election/zookeeper/replica-transport.js'
import type { Host, World } from './virtual.js'

interface Line {
  readonly from: Host
  readonly to: Port
  readonly events: FollowerEvents
  session: number
  open: boolean
  dead: boolean
  lastMs: number
}

interface Port {
  readonly host: Host
  sessions: ReplicaSessions | null
}

const CONNECT_TIMEOUT_MS = 2_000

export class FakeNetwork {
  readonly world: World
  readonly #ports = new Map<string, Port>()
  readonly #lines = new Set<Line>()
  readonly #cut = new Set<string>()
  #session = 0

  constructor(world: World) {
    this.world = world
  }

  /** @param address what others connect to: of the last host that took it */
  transport(host: Host, address: string): ReplicaTransport {
    const port: Port = { host, sessions: null }
    this.#ports.set(address, port)
    return {
      serve: (sessions) => (port.sessions = sessions),
      send: (session, bytes) => this.#toFollower(session, bytes.slice()),
      close: (session, reason) => {
        for (const line of this.#lines)
          if (line.session === session && line.to === port) this.#end(line, reason)
      },
      connect: (controlAddress, events) => this.#connect(host, controlAddress, events),
    }
  }

  /** Lines between them are dead from now on, and at last both ends find out. */
  cut(one: Host, other: Host): void {
    this.#cut.add(pair(one, other))
    for (const line of this.#lines) {
      if (!this.#isCut(line)) continue
      line.dead = true
      this.world.after(this.world.random.between(5_000, 30_000), () => this.#end(line, 'silent'))
    }
  }

  heal(): void {
    this.#cut.clear()
  }

  /** The kernel closes what a process had open. */
  died(host: Host): void {
    for (const line of this.#lines)
      if (line.from === host || line.to.host === host) this.#end(line, 'the connection broke')
  }

  #connect(from: Host, address: string, events: FollowerEvents): FollowerConnection {
    const port = this.#ports.get(address)
    const refuse = (): void => from.deliver(() => events.onClose('refused', true))
    const none = { send: () => {}, close: () => {} }
    if (port === undefined) {
      this.world.after(1, refuse)
      return none
    }
    const line: Line = { from, to: port, events, session: 0, open: false, dead: false, lastMs: 0 }
    let closed = false
    this.world.after(this.world.random.between(0.2, 2), () => {
      if (closed) return
      if (this.#isCut(line) || port.host.halted) {
        this.world.after(CONNECT_TIMEOUT_MS, () => {
          if (!closed) from.deliver(() => events.onClose('timed out', false))
        })
        return
      }
      if (!port.host.alive) {
        refuse()
        return
      }
      this.#session += 1
      line.session = this.#session
      line.open = true
      this.#lines.add(line)
      port.host.deliver(() => port.sessions?.onConnected(line.session, from.name))
      from.deliver(() => events.onOpen())
    })
    return {
      send: (bytes) => this.#toLeader(line, bytes.slice()),
      close: () => {
        closed = true
        if (line.open) this.#end(line, 'closed by the follower')
        else this.world.after(0, () => from.deliver(() => events.onClose('given up', false)))
      },
    }
  }

  #toFollower(session: number, bytes: Uint8Array): void {
    for (const line of this.#lines)
      if (line.session === session)
        this.#carry(line, () => line.from.deliver(() => line.open && line.events.onMessage(bytes)))
  }

  #toLeader(line: Line, bytes: Uint8Array): void {
    this.#carry(line, () =>
      line.to.host.deliver(() => line.to.sessions?.onMessage(line.session, bytes)),
    )
  }

  #carry(line: Line, deliver: () => void): void {
    if (!line.open || line.dead) return
    line.lastMs = Math.max(line.lastMs, this.world.nowMs + this.world.random.between(0.1, 2))
    this.world.after(line.lastMs - this.world.nowMs, () => {
      if (line.open) deliver()
    })
  }

  #end(line: Line, reason: string): void {
    if (!line.open) return
    line.open = false
    this.#lines.delete(line)
    this.world.after(this.world.random.between(0.1, 1), () => {
      line.from.deliver(() => line.events.onClose(reason, false))
      line.to.host.deliver(() => line.to.sessions?.onDisconnected(line.session, reason))
    })
  }

  #isCut(line: Line): boolean {
    return this.#cut.has(pair(line.from, line.to.host))
  }
}

function pair(one: Host, other: Host): string {
  return [one.name, other.name].toSorted().join(' ')
}
