/** Steps of the core as the master makes them: a batch in and a batch out, through the addon. */
import { Builder } from 'flatbuffers'
import { type Bench } from 'tinybench'
import { type BodyT, decode, encode, encodeApplication } from '../../src/control/codec.js'
import { BatchWriter, InboxKind, OutboxKind, records } from '../../src/control/records.js'
import { createMasterCore, type MasterCore } from '../../src/core/native.js'
import * as schema from '../../src/schema/magneto.js'
import { sparkPi } from './control.js'

const nowMs = Date.UTC(2026, 0, 1)
const CORES = 4
const WORKERS = 1000
const BATCH = 100
const APPLICATIONS = 2 ** 31

const workerId = (at: number) => `worker-20261121-host${at}-7000`

class Cluster {
  readonly core: MasterCore
  readonly #inbox = new BatchWriter()
  #applications = 0

  /** Session n is worker n's. */
  constructor(workers: number) {
    const builder = new Builder()
    builder.finish(new schema.CoreConfigT('spark://127.0.0.1:7077').pack(builder))
    this.core = createMasterCore(builder.asUint8Array())
    for (let at = 0; at < workers; at += 1) {
      const host = `host${at}`
      const worker = new schema.RegisterWorkerT(workerId(at), host, 7000, CORES, 65536)
      worker.runtimes = ['node']
      this.connect(at)
      this.say(at, encode(worker))
      if (at % BATCH === BATCH - 1) this.step()
    }
    this.step()
  }

  connect(session: number): void {
    this.#inbox.add(InboxKind.CONNECTED, session, '127.0.0.1')
  }

  say(session: number, message: Uint8Array): void {
    this.#inbox.add(InboxKind.MESSAGE, session, message)
  }

  disconnect(session: number): void {
    this.#inbox.add(InboxKind.DISCONNECTED, session, 'closed')
  }

  step(): Uint8Array {
    const outbox = this.core.step(nowMs, 0, this.#inbox.view())
    this.#inbox.reset()
    return outbox
  }

  /** Registers an application and ends it by its connection. @returns what was said at its registration */
  application(registration: Uint8Array): Uint8Array {
    const session = APPLICATIONS + this.#applications
    this.#applications += 1
    this.connect(session)
    this.say(session, registration)
    const outbox = this.step()
    this.disconnect(session)
    return outbox
  }
}

function bodies(outbox: Uint8Array): { session: number; body: BodyT }[] {
  return [...records(outbox)]
    .filter(({ kind }) => (kind as OutboxKind) === OutboxKind.SEND)
    .map(({ session, payload }) => ({ session, body: decode(payload) }))
}

function registrationOf(executors: number): Uint8Array {
  const description = sparkPi()
  description.maxCores = executors
  return encode(new schema.RegisterApplicationT(encodeApplication(description)))
}

function launches(outbox: Uint8Array): { session: number; launch: schema.LaunchExecutorT }[] {
  return bodies(outbox).flatMap(({ session, body }) =>
    body instanceof schema.LaunchExecutorT ? [{ session, launch: body }] : [],
  )
}

function addHeartbeats(bench: Bench): void {
  const cluster = new Cluster(WORKERS)
  const beats = Array.from({ length: BATCH }, (_, at) =>
    encode(new schema.WorkerHeartbeatT(workerId(at))),
  )
  bench.add('core: one heartbeat a step', () => {
    cluster.say(0, beats[0]!)
    return cluster.step()
  })
  bench.add(`core: ${BATCH} heartbeats a step`, () => {
    for (const [at, beat] of beats.entries()) cluster.say(at, beat)
    return cluster.step()
  })
}

/** Placement on an idle cluster: spread out, one executor after the other. */
function addApplications(bench: Bench): void {
  for (const executors of [1, CORES * WORKERS]) {
    const cluster = new Cluster(WORKERS)
    const registration = registrationOf(executors)
    if (launches(cluster.application(registration)).length !== executors)
      throw new Error(`an application did not get its ${executors} executors`)
    bench.add(`core: an application of ${executors} executors comes and goes`, () => {
      cluster.application(registration)
      return cluster.step()
    })
  }
}

/** Each exit is followed by a new executor in its place. */
function addEvents(bench: Bench): void {
  const cluster = new Cluster(WORKERS)
  const session = APPLICATIONS + 1_000_000
  const registration = registrationOf(CORES * WORKERS)
  cluster.connect(session)
  cluster.say(session, registration)
  const [first] = launches(cluster.step())
  if (first === undefined) throw new Error('nothing was launched')
  const { appId, executorId } = first.launch
  const state = (id: number, to: schema.ExecutorState, status: number | null) =>
    encode(new schema.ExecutorStateChangedT(1, String(appId), id, to, null, status))
  let newest = executorId
  let next = CORES * WORKERS
  bench.add('core: EXITED and its replacement on a full cluster', () => {
    cluster.say(first.session, state(newest, schema.ExecutorState.EXITED, 0))
    newest = next
    next += 1
    return cluster.step()
  })
  bench.add('core: a view of 1,000 workers and 4,000 executors', () => cluster.core.view(nowMs))
}

export function addCore(bench: Bench): void {
  addHeartbeats(bench)
  addApplications(bench)
  addEvents(bench)
}
