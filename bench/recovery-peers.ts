/**
 * Simulated workers and applications: thousands in one process, each with a real control link to every master it is
 * told of. They answer at once, as the machines of W19, M8 and M29 do, and run nothing.
 */
import { ByteBuffer } from 'flatbuffers'
import { encode, encodeApplication } from '../src/control/codec.js'
import * as schema from '../src/schema/magneto.js'
import { frameOf, type LinkEvents, SimulatedLink } from './recovery-link.js'

const { Body, ExecutorState } = schema
/** Connections that are being opened at once; more would not fit into the master's backlog. */
const OPENING_MAX = 256

export interface Address {
  readonly host: string
  readonly port: number
}

/** ms since the epoch, finer than a millisecond. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now()
}

interface Executor {
  readonly appId: string
  readonly id: number
  readonly profileId: number
  readonly cores: number
  readonly memoryMb: number
}

export interface FleetEvents {
  /** A new leader has spoken to this peer. */
  masterChanged?(): void
  /** A leader has taken this peer in. */
  registered?(): void
  launched?(worker: SimulatedWorker, appId: string): void
  executorAdded?(): void
}

/** What workers and applications have in common: links, and one leader among their ends. */
export abstract class Peer {
  readonly #links = new Set<SimulatedLink>()
  protected active: SimulatedLink | null = null
  protected epoch = 0
  /** Whether the leader has taken it in since its last change. */
  registered = false

  constructor(protected readonly events: FleetEvents) {}

  /** @param introduces whether it says who it is, when it has no leader yet @returns whether it has opened */
  link({ host, port }: Address, introduces = true): Promise<boolean> {
    return new Promise((settle) => {
      const events: LinkEvents = {
        open: (link) => {
          this.#links.add(link)
          if (this.active === null && introduces) link.write(this.introduction())
          settle(true)
        },
        message: (link, bytes) => {
          const message = schema.Message.getRootAsMessage(new ByteBuffer(bytes))
          this.#take(link, message)
        },
        closed: (link) => {
          this.#links.delete(link)
          if (this.active === link) {
            this.active = null
            this.registered = false
          }
          settle(false)
        },
      }
      void new SimulatedLink(host, port, events)
    })
  }

  get links(): number {
    return this.#links.size
  }

  /** Returns when the leader has read everything that was written to it. */
  async flushed(): Promise<void> {
    await this.active?.ping()
  }

  introduceAll(): void {
    for (const link of this.#links) link.write(this.introduction())
  }

  leave(): void {
    for (const link of this.#links) link.destroy()
  }

  #take(link: SimulatedLink, message: schema.Message): void {
    if (message.bodyType() !== Body.MasterChanged) {
      this.take(link, message)
      return
    }
    const changed = message.body(new schema.MasterChanged()) as schema.MasterChanged
    if (changed.epoch() < this.epoch) return
    this.epoch = changed.epoch()
    this.active = link
    this.registered = false
    this.events.masterChanged?.()
    link.write(this.answer())
  }

  protected follow(link: SimulatedLink, epoch: number): void {
    if (epoch < this.epoch) return
    this.epoch = epoch
    this.active = link
    this.registered = true
    this.events.registered?.()
  }

  /** Frames: who it is. */
  abstract introduction(): Buffer
  /** Frames: to MasterChanged. */
  abstract answer(): Buffer
  protected abstract take(link: SimulatedLink, message: schema.Message): void
}

export class SimulatedWorker extends Peer {
  readonly #registration: Buffer
  readonly #executors = new Map<string, Executor>()
  /** Its end has not been told with success. */
  #ended: Executor | null = null
  /** Of what runs now, finished beforehand: a thousand workers would not have to share one processor for it. */
  #state: Buffer | null = null
  #beat: Buffer | null = null

  constructor(
    readonly id: string,
    readonly index: number,
    events: FleetEvents,
  ) {
    super(events)
    const registration = new schema.RegisterWorkerT(id, '127.0.0.1', 1 + (index % 65_535))
    registration.cores = 1
    registration.memoryMb = 65_536
    registration.host = `host-${index}`
    registration.runtimes = ['node']
    this.#registration = frameOf(encode(registration))
  }

  get executors(): readonly Executor[] {
    return [...this.#executors.values()]
  }

  /** Its executor ends while nobody leads: the next leader is told. */
  endExecutor(executor: Executor): void {
    this.#executors.delete(nameOf(executor))
    this.#ended = executor
    this.prepare()
  }

  /** So many heartbeats in one write. @returns bytes that wait for the kernel */
  beat(count: number): number {
    this.#beat ??= frameOf(encode(new schema.WorkerHeartbeatT(this.id)))
    const { active } = this
    if (active === null) throw new Error(`${this.id} has no leader to send heartbeats to`)
    active.write(
      count === 1 ? this.#beat : Buffer.concat(Array.from({ length: count }, () => this.#beat!)),
    )
    return active.pendingBytes
  }

  /** Its executor ends and the leader hears so. */
  exitExecutor(executor: Executor): void {
    this.#executors.delete(nameOf(executor))
    this.#state = null
    this.active?.write(executorState(executor, ExecutorState.EXITED, 0))
  }

  /** Finishes the answer to the next MasterChanged. */
  prepare(): void {
    const told = this.executors.map((executor) => response(executor, ExecutorState.RUNNING))
    const ended = this.#ended
    if (ended !== null) told.push(response(ended, ExecutorState.EXITED))
    const state = frameOf(encode(new schema.WorkerSchedulerStateResponseT(this.id, told)))
    const report = ended === null ? [] : [executorState(ended, ExecutorState.EXITED)]
    this.#state = Buffer.concat([state, ...report])
  }

  override introduction(): Buffer {
    return this.#registration
  }

  override answer(): Buffer {
    if (this.#state === null) this.prepare()
    this.#ended = null
    return this.#state!
  }

  protected override take(link: SimulatedLink, message: schema.Message): void {
    const type = message.bodyType()
    if (type === Body.WorkerRegistered) {
      const taken = message.body(new schema.WorkerRegistered()) as schema.WorkerRegistered
      this.follow(link, taken.epoch())
    }
    if (type === Body.ReconnectWorker) link.write(this.#registration)
    if (type === Body.LaunchExecutor && link === this.active)
      this.#launch(link, message.body(new schema.LaunchExecutor()) as schema.LaunchExecutor)
    if (type === Body.KillExecutor && link === this.active) {
      const order = message.body(new schema.KillExecutor()) as schema.KillExecutor
      const killed = { appId: order.appId() ?? '', id: order.executorId() }
      this.#executors.delete(nameOf(killed))
      this.#state = null
      link.write(executorState(killed, ExecutorState.KILLED))
    }
  }

  #launch(link: SimulatedLink, order: schema.LaunchExecutor): void {
    const executor = {
      appId: order.appId() ?? '',
      id: order.executorId(),
      profileId: order.profileId(),
      cores: order.cores(),
      memoryMb: order.memoryMb(),
    }
    if (this.#executors.has(nameOf(executor)))
      throw new Error(`executor ${nameOf(executor)} was launched twice on ${this.id}`)
    this.events.launched?.(this, executor.appId)
    this.#executors.set(nameOf(executor), executor)
    this.#state = null
    link.write(executorState(executor, ExecutorState.RUNNING))
  }
}

type ExecutorName = Pick<Executor, 'appId' | 'id'>

function nameOf({ appId, id }: ExecutorName): string {
  return `${appId}/${id}`
}

function response(executor: Executor, state: schema.ExecutorState) {
  const { appId, id, profileId, cores, memoryMb } = executor
  return new schema.WorkerExecutorStateResponseT(
    new schema.ExecutorDescriptionT(appId, id, profileId, cores, memoryMb, state),
  )
}

function executorState(
  { appId, id }: ExecutorName,
  state: schema.ExecutorState,
  exitStatus: number | null = null,
): Buffer {
  return frameOf(encode(new schema.ExecutorStateChangedT(0, appId, id, state, null, exitStatus)))
}

export class SimulatedApplication extends Peer {
  readonly #registration: Buffer
  id = ''
  readonly #executors = new Set<number>()

  readonly #profile: schema.ResourceProfileT

  constructor(
    readonly name: string,
    executorCores: number,
    events: FleetEvents,
    /** As many as there are, unless it says so. */
    maxCores: number | null = null,
  ) {
    super(events)
    this.#profile = new schema.ResourceProfileT(0, executorCores, 64)
    const description = new schema.ApplicationDescriptionT(name)
    description.defaultProfile = this.#profile
    description.maxCores = maxCores
    description.commandType = schema.Command.NodeCommand
    description.command = new schema.NodeCommandT('idle')
    description.runtime = 'node'
    this.#registration = frameOf(
      encode(new schema.RegisterApplicationT(encodeApplication(description))),
    )
  }

  get executors(): number {
    return this.#executors.size
  }

  /** Wants that many executors from now on (A15). */
  request(total: number): void {
    const target = new schema.ProfileTargetT(this.#profile, total)
    this.active?.write(frameOf(encode(new schema.RequestExecutorsT(1, this.id, [target]))))
  }

  /** As a driver ends: it says so and is gone. */
  unregister(): void {
    this.active?.end(frameOf(encode(new schema.UnregisterApplicationT(this.id))))
  }

  override introduction(): Buffer {
    return this.id === '' ? this.#registration : this.answer()
  }

  override answer(): Buffer {
    const expected = [...this.#executors].map(String)
    return frameOf(encode(new schema.MasterChangeAcknowledgedT(this.id, expected)))
  }

  protected override take(link: SimulatedLink, message: schema.Message): void {
    const type = message.bodyType()
    if (type === Body.ApplicationRegistered) {
      const taken = message.body(new schema.ApplicationRegistered()) as schema.ApplicationRegistered
      this.id = taken.appId() ?? ''
      this.follow(link, taken.epoch())
    }
    if (type === Body.ExecutorAdded) {
      const added = message.body(new schema.ExecutorAdded()) as schema.ExecutorAdded
      this.#executors.add(added.executorId())
      this.events.executorAdded?.()
    }
    if (type === Body.ExecutorUpdated) {
      const { executorId, state } = (
        message.body(new schema.ExecutorUpdated()) as schema.ExecutorUpdated
      ).unpack()
      if (state !== ExecutorState.LAUNCHING && state !== ExecutorState.RUNNING)
        this.#executors.delete(executorId)
    }
  }
}

export interface FleetSize {
  readonly workers: number
  readonly applications: number
  readonly executorCores: number
}

export class Fleet {
  readonly workers: readonly SimulatedWorker[]
  readonly applications: readonly SimulatedApplication[]

  /** Workers of one core each. */
  constructor(size: FleetSize, events: FleetEvents = {}) {
    this.workers = Array.from(
      { length: size.workers },
      (_, index) => new SimulatedWorker(`worker-20261121000000-127.0.0.1-${index}`, index, events),
    )
    this.applications = Array.from(
      { length: size.applications },
      (_, index) => new SimulatedApplication(`app ${index}`, size.executorCores, events),
    )
  }

  get peers(): readonly Peer[] {
    return [...this.workers, ...this.applications]
  }

  leave(): void {
    for (const peer of this.peers) peer.leave()
  }
}

export function shuffled<T>(all: readonly T[]): T[] {
  return all
    .map((each) => ({ each, at: Math.random() }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ each }) => each)
}

/** Each opens a link to that master, in an order of chance. @throws Error when one is refused */
export async function linkAll(
  peers: readonly Peer[],
  { host, port }: Address,
  introduces = true,
): Promise<void> {
  const waiting = shuffled(peers)[Symbol.iterator]()
  const open = async () => {
    for (const peer of waiting)
      if (!(await peer.link({ host, port }, introduces)))
        throw new Error(`the control port ${host}:${port} refused a link`)
  }
  await Promise.all(Array.from({ length: OPENING_MAX }, open))
}

export function allRegistered(peers: readonly Peer[]): boolean {
  return peers.every((peer) => peer.registered)
}
