/** A large cluster for bench/view-load.ts: the real core, with workers, executors and applications that are played. */
import { Builder } from 'flatbuffers'
import { decodeTrusted, encode, encodeApplication } from '../src/control/codec.js'
import {
  BatchWriter,
  InboxKind,
  OutboxKind,
  records,
  sessionOf,
  SessionSource,
} from '../src/control/records.js'
import { createMasterCore, type MasterCore } from '../src/core/native.js'
import * as schema from '../src/schema/magneto.js'

const startMs = Date.UTC(2026, 0, 24, 10, 30, 5)
export const tickMs = 10
/** The application that has most of the cluster. */
export const largeApp = 'app-20260124103005-0000'
/** The application whose one executor ends again and again: its next one is a change whose time is known. */
export const probeApp = 'app-20260124103005-0001'

const heartbeatsPerTick = 20
/** Executors of the large application that end, and are replaced at once. */
const endsPerTick = 1
const ticksBetweenProbes = 25
const ticksBetweenVisitors = 10
const visitorExecutors = 4
const visitorStaysTicks = 50
/** Of each worker, for who comes. */
const spareCores = 2
/** What no worker has. */
const tooMuchMb = 1 << 20

export interface Sizes {
  readonly workers: number
  /** Of the large application. */
  readonly executors: number
  /** That wait. */
  readonly applications: number
}

export interface Demand {
  readonly name: string
  readonly cores: number
  readonly memoryMb: number
}

interface Executor {
  readonly session: number
  readonly appId: string
  readonly executorId: number
}

/** What a reader may see for the first time: the executor of the probe, or a visitor, by its number. */
export type MarkKind = 'executor' | 'application'

function config(): Uint8Array {
  const builder = new Builder()
  const settings = Object.assign(new schema.CoreConfigT(), { masterUrl: 'spark://master:7077' })
  builder.finish(settings.pack(builder))
  return builder.asUint8Array()
}

function registration({ name, cores, memoryMb }: Demand, at: number): Uint8Array {
  const description = new schema.ApplicationDescriptionT()
  description.name = name
  description.runtime = 'node'
  description.maxCores = cores
  description.defaultProfile = new schema.ResourceProfileT(0, 1, memoryMb)
  description.commandType = schema.Command.NodeCommand
  description.command = new schema.NodeCommandT('/pi.js')
  const application = encodeApplication(description)
  return encode(new schema.RegisterApplicationT(application, `driver:${at}`))
}

export class PlayedCluster {
  readonly core: MasterCore = createMasterCore(config())
  /** When each mark was there for readers, ms since 1970, by kind and number. */
  readonly markedMs = new Map<string, number>()
  readonly #inbox = new BatchWriter()
  readonly #sizes: Sizes
  #sessions = 0
  #applications = 0
  #ticks = 0
  #visitors = 0
  readonly #large: Executor[] = []
  #probe: Executor | null = null
  /** What workers have been told and have not answered yet. */
  #toReport: [Executor, schema.ExecutorState][] = []
  readonly #staying: { readonly session: number; readonly untilTurn: number }[] = []
  /** By session. */
  readonly #appIds = new Map<number, string>()
  nowMs = startMs

  constructor(sizes: Sizes) {
    this.#sizes = sizes
    const cores = Math.ceil(sizes.executors / sizes.workers) + spareCores
    for (let at = 0; at < sizes.workers; ++at) {
      const body = new schema.RegisterWorkerT(this.#workerId(at), `host-${at}`, 7000, cores, 65536)
      body.runtimes = ['node']
      body.webUiUrl = `http://host-${at}:8081`
      this.#connect(encode(body))
      if (at % 500 === 499) this.#step()
    }
    this.#register({ name: 'large', cores: sizes.executors, memoryMb: 256 })
    this.#step()
    this.#register({ name: 'probe', cores: 1, memoryMb: 256 })
    this.#step()
    for (let at = 0; at < sizes.applications; ++at) {
      this.#register({ name: `waits-${at}`, cores: 8, memoryMb: tooMuchMb })
      if (at % 500 === 499) this.#step()
    }
    this.#step()
    while (this.#toReport.length > 0) {
      this.#report()
      this.#step()
    }
  }

  /** A moment of the cluster: heartbeats, executors that end and start, applications that come and go. @returns its step, ms */
  tick(): number {
    const turn = this.#ticks++
    this.nowMs += tickMs
    this.#report()
    for (let at = 0; at < heartbeatsPerTick; ++at)
      this.#heartbeat(((turn * heartbeatsPerTick + at) * 7919) % this.#sizes.workers)
    for (let at = 0; at < endsPerTick; ++at) this.#end(this.#large.shift() ?? null)
    if (turn % ticksBetweenProbes === 0) {
      this.#end(this.#probe)
      this.#probe = null
    }
    if (turn % ticksBetweenVisitors === 0) this.#visit(turn)
    while ((this.#staying[0]?.untilTurn ?? Infinity) <= turn) this.#leave()
    return this.#step()
  }

  #workerId(at: number): string {
    return `worker-20260124103005-host-${at}-7000`
  }

  /** @returns its session */
  #connect(payload: Uint8Array): number {
    const session = sessionOf(SessionSource.CONTROL, ++this.#sessions)
    this.#inbox.add(InboxKind.CONNECTED, session, 'peer:1')
    this.#inbox.add(InboxKind.MESSAGE, session, payload)
    return session
  }

  #say(session: number, body: schema.WorkerHeartbeatT | schema.ExecutorStateChangedT): void {
    this.#inbox.add(InboxKind.MESSAGE, session, encode(body))
  }

  #register(demand: Demand): number {
    return this.#connect(registration(demand, ++this.#applications))
  }

  #heartbeat(at: number): void {
    const session = sessionOf(SessionSource.CONTROL, at + 1)
    this.#say(session, new schema.WorkerHeartbeatT(this.#workerId(at)))
  }

  #end(executor: Executor | null): void {
    if (executor === null) return
    const { session, appId, executorId } = executor
    const ended = new schema.ExecutorStateChangedT(
      1,
      appId,
      executorId,
      schema.ExecutorState.EXITED,
    )
    ended.exitStatus = 0
    this.#say(session, ended)
  }

  #report(): void {
    for (const [{ session, appId, executorId }, state] of this.#toReport.splice(0, 5000))
      this.#say(session, new schema.ExecutorStateChangedT(1, appId, executorId, state))
  }

  #visit(turn: number): void {
    const name = `visitor-${++this.#visitors}`
    const session = this.#register({ name, cores: visitorExecutors, memoryMb: 256 })
    this.#staying.push({ session, untilTurn: turn + visitorStaysTicks })
  }

  #leave(): void {
    const { session } = this.#staying.shift()!
    const appId = this.#appIds.get(session)
    if (appId === undefined) throw new Error('a visitor leaves that was not let in')
    const gone = new schema.UnregisterApplicationT(appId)
    this.#inbox.add(InboxKind.MESSAGE, session, encode(gone))
    this.#inbox.add(InboxKind.DISCONNECTED, session, 'gone')
    this.#appIds.delete(session)
  }

  #step(): number {
    const inbox = this.#inbox.view()
    const visitors = this.#visitors
    const before = performance.now()
    const outbox = this.core.step(this.nowMs, 0, inbox)
    const took = performance.now() - before
    this.#inbox.reset()
    this.#mark('application', visitors)
    this.#hear(outbox)
    return took
  }

  #mark(kind: MarkKind, number: number): void {
    const key = `${kind} ${number}`
    if (!this.markedMs.has(key)) this.markedMs.set(key, performance.timeOrigin + performance.now())
  }

  /** What the workers do of it: executors start, and end when they are told to. */
  #hear(outbox: Uint8Array): void {
    for (const { kind, session, payload } of records(outbox)) {
      if (kind !== (OutboxKind.SEND as number)) continue
      const body = decodeTrusted(payload)
      const { RUNNING, KILLED } = schema.ExecutorState
      if (body instanceof schema.LaunchExecutorT) {
        const executor = { session, appId: String(body.appId), executorId: body.executorId }
        this.#toReport.push([executor, RUNNING])
        if (executor.appId === largeApp) this.#large.push(executor)
        if (executor.appId === probeApp) this.#probeStarts(executor)
      } else if (body instanceof schema.KillExecutorT) {
        const executor = { session, appId: String(body.appId), executorId: body.executorId }
        this.#toReport.push([executor, KILLED])
      } else if (body instanceof schema.ApplicationRegisteredT) {
        this.#appIds.set(session, String(body.appId))
      }
    }
  }

  #probeStarts(executor: Executor): void {
    this.#probe = executor
    this.#mark('executor', executor.executorId)
  }
}

/** Numbers of the probe's executors and of visitors on a page, as far as it shows any; the last one there was. */
export function markOf(html: string): { readonly kind: MarkKind; readonly number: number } | null {
  const visitors = [...html.matchAll(/\bvisitor-(\d+)\b/g)].map(([, number]) => Number(number))
  if (visitors.length > 0) return { kind: 'application', number: Math.max(...visitors) }
  if (!html.includes(probeApp)) return null
  const text = html.replaceAll(/<[^>]*>/g, ' ')
  const executors = [...text.matchAll(/\b(\d+)\s+worker-\d{14}-/g)]
  if (executors.length === 0) return null
  return { kind: 'executor', number: Math.max(...executors.map(([, number]) => Number(number))) }
}
