/**
 * Apache Workers, submit clients and their drivers against the gateway (M1 to M20, M33 to M37): what they sent
 * in real clusters, cut at random places, becomes control messages, and what the core answers becomes what
 * Apache's Master sent.
 */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { InboxKind } from '../../src/control/records.js'
import { decodeDriver } from '../../src/control/codec.js'
import * as control from '../../src/schema/magneto.js'
import { FrameType, type Frame } from '../../src/spark/frame.js'
import type { SparkVersion } from '../../src/spark/messages.js'
import { decodeRequest } from '../../src/spark/rpc-request.js'
import {
  captured,
  GatewayHarness,
  MASTER_URL,
  type CapturedFrame,
  type CoreRecord,
  type Peer,
} from './gateway-harness.js'
import { expectSame } from './same-message.js'
import { answerOf, bodyOf, type Descriptions } from './scripted-core.js'

/** What the core gets of a Spark message; of what is not here, nothing. */
const toCore: Record<string, new () => NonNullable<CoreRecord['body']>> = {
  RegisterWorker: control.RegisterWorkerT,
  Heartbeat: control.WorkerHeartbeatT,
  WorkerLatestState: control.WorkerLatestStateT,
  ExecutorStateChanged: control.ExecutorStateChangedT,
  DriverStateChanged: control.DriverStateChangedT,
  WorkerDecommissioning: control.WorkerDecommissioningT,
  RegisterApplication: control.RegisterApplicationT,
  UnregisterApplication: control.UnregisterApplicationT,
  RequestExecutors: control.RequestExecutorsT,
  KillExecutors: control.KillExecutorsT,
  RequestSubmitDriver: control.RequestSubmitDriverT,
  RequestKillDriver: control.RequestKillDriverT,
  RequestDriverStatus: control.RequestDriverStatusT,
}

class Replay {
  readonly bodies: NonNullable<CoreRecord['body']>[] = []
  readonly kinds: InboxKind[] = []
  readonly heard: Descriptions = { application: new Uint8Array(), drivers: [], exception: null }
  readonly #harness: GatewayHarness
  readonly #version: SparkVersion
  readonly #peers = new Map<string, Peer>()
  readonly #sessions = new Map<string, number>()
  /** Control request ids by connection and Spark's id. */
  readonly #asks = new Map<string, number>()
  readonly #standby: boolean
  #seed = 7

  constructor(harness: GatewayHarness, version: SparkVersion, standby: boolean) {
    this.#harness = harness
    this.#version = version
    this.#standby = standby
  }

  async run(frames: readonly CapturedFrame[]): Promise<void> {
    // Frames of different connections were written down in any order: orders wait for what they carry.
    const waiting: CapturedFrame[] = []
    for (const frame of frames) {
      if (frame.direction === 'c2s') {
        await this.#fromPeer(frame)
        while (waiting.length > 0 && this.#isDue(waiting[0]!))
          await this.#fromMaster(waiting.shift()!)
      } else if (waiting.length > 0 || !this.#isDue(frame)) waiting.push(frame)
      else await this.#fromMaster(frame)
    }
    expect(waiting).toEqual([])
    for (const peer of this.#peers.values()) {
      expect(peer.frames.size).toBe(0)
      peer.socket.end()
      await peer.closed
    }
    for (let left = this.#sessions.size; left > 0; left--)
      this.kinds.push((await this.#harness.inbox.next()).kind)
    expect(this.#harness.inbox.size).toBe(0)
  }

  all<T>(type: new () => T): T[] {
    return this.bodies.filter((body) => body instanceof type) as T[]
  }

  #isDue(frame: CapturedFrame): boolean {
    return frame.msg !== 'LaunchDriver' || this.heard.drivers.length > 0
  }

  #peerOf(frame: CapturedFrame): Peer {
    const peer = this.#peers.get(frame.connection) ?? this.#harness.connect()
    this.#peers.set(frame.connection, peer)
    return peer
  }

  async #fromPeer(frame: CapturedFrame): Promise<void> {
    const [cuts] = fc.sample(fc.array(fc.nat(), { maxLength: 4 }), {
      numRuns: 1,
      seed: this.#seed++,
    })
    await this.#peerOf(frame).write(frame.bytes, cuts)
    const type = toCore[frame.msg ?? '']
    if (type === undefined) return
    let record = await this.#harness.inbox.next()
    if (record.kind === InboxKind.CONNECTED) {
      this.kinds.push(record.kind)
      this.#sessions.set(frame.connection, record.session)
      record = await this.#harness.inbox.next()
    }
    const { body } = record
    expect(body, this.#harness.log.lines.at(-1)).toBeInstanceOf(type)
    expect(record.session).toBe(this.#sessions.get(frame.connection))
    this.bodies.push(body!)
    if (frame.reqId !== undefined)
      this.#asks.set(frame.connection + frame.reqId, (body as control.RequestExecutorsT).requestId)
    if (body instanceof control.RegisterApplicationT) {
      this.heard.application = body.sparkDescription
      if (this.#standby) this.#harness.send(record.session, new control.MasterInStandbyT())
    }
    if (body instanceof control.RequestSubmitDriverT) this.heard.drivers.push(body.description)
    if (body instanceof control.DriverStateChangedT) this.heard.exception = body.exception
  }

  async #fromMaster(frame: CapturedFrame): Promise<void> {
    const session = this.#sessions.get(frame.connection) ?? 0
    const requestId = this.#asks.get(`${frame.connection}${frame.reqId}`)
    if (frame.type === 'OneWayMessage') this.#harness.send(session, bodyOf(frame, this.heard))
    else if (requestId !== undefined)
      this.#harness.send(session, answerOf(frame, requestId, this.heard))
    const ours = await this.#peerOf(frame).frames.next()
    const kind = frame.msg ?? typeof frame.value
    const { head, stream } = partsOf(ours)
    const apache = splitFrame(frame.bytes)
    expect(head, kind).toBe(apache.head)
    const fields = frame.fields ?? {}
    expectSame(kind, stream, { bytes: apache.stream, fields }, this.#version)
  }
}

/** What stands before the Java stream, without the lengths that depend on it. */
function splitFrame(bytes: Buffer): { head: string; stream: Buffer } {
  const at = bytes.indexOf('aced0005', 0, 'hex')
  const type = bytes[8]
  const lengthAt = type === FrameType.ONE_WAY ? 9 : 17
  const head = Buffer.concat([bytes.subarray(8, lengthAt), bytes.subarray(lengthAt + 4, at)])
  return { head: head.toString('hex'), stream: bytes.subarray(at) }
}

function partsOf(frame: Frame): { head: string; stream: Buffer } {
  if (frame.type !== FrameType.ONE_WAY && frame.type !== FrameType.RPC_RESPONSE)
    throw new Error(`a frame of type ${FrameType[frame.type]}`)
  const id = Buffer.alloc(8)
  if (frame.type === FrameType.RPC_RESPONSE) id.writeBigInt64BE(frame.requestId)
  const isReply = frame.type === FrameType.RPC_RESPONSE
  const stream = isReply ? frame.body : decodeRequest(frame.body).stream
  const header = frame.body.subarray(0, frame.body.length - stream.length)
  const head = Buffer.concat([Buffer.from([frame.type]), ...(isReply ? [id] : []), header])
  return { head: head.toString('hex'), stream }
}

const versions = [
  ['3.5.9', '3.5'],
  ['4.0.1', '4.0'],
  ['4.3.0', '4.3'],
] as const

async function replay(
  name: string,
  [release, version]: readonly [string, SparkVersion],
  { first = [], standby = false }: { first?: readonly CapturedFrame[]; standby?: boolean } = {},
): Promise<Replay> {
  await using harness = await GatewayHarness.start({
    masterUrl: standby ? 'spark://127.0.0.1:27078' : MASTER_URL,
    // The workers of the capture have no web UI any more.
    gateway: { apacheWorkerVersion: '4.3', workerPausesMs: [0] },
  })
  const replayed = new Replay(harness, version, standby)
  // The memory of this one's driver is 0, which is refused before the core is asked.
  const frames = captured(`${name}-${release}`).filter(
    ({ connection }) => connection !== '08-submit_to_standby-master',
  )
  await replayed.run([...first, ...frames])
  return replayed
}

describe.each(versions)('Apache %s', (release, version) => {
  test('M1, M2, M5, M7, M11, M13, M14, M17: a worker over the life of an application', async () => {
    // Its driver was captured too; the core has heard of the application from it.
    const registers = captured(`client-app-${release}`).filter(
      ({ msg }) => msg === 'RegisterApplication',
    )
    const { bodies, kinds } = await replay('worker-app', [release, version], { first: registers })
    expect(kinds.filter((kind) => kind === InboxKind.DISCONNECTED)).toHaveLength(2)
    const worker = bodies.find((body) => body instanceof control.RegisterWorkerT)
    expect(worker).toMatchObject({
      workerId: expect.stringMatching(/^worker-\d+-127\.0\.0\.1-\d+$/),
      host: '127.0.0.1',
      cores: 4,
      memoryMb: 2048,
      runtimes: [`spark-${version}`, `spark-${version}-driver`],
    })
    const states = bodies.filter((body) => body instanceof control.ExecutorStateChangedT)
    expect(states.map(({ state }) => control.ExecutorState[state])).toEqual([
      'RUNNING',
      'RUNNING',
      'KILLED',
      'KILLED',
    ])
  })

  test('M1, M13: named resources, dynamic allocation and a second profile', async () => {
    const replayed = await replay('worker-resources', [release, version])
    const [worker] = replayed.all(control.RegisterWorkerT)
    expect(worker!.resources).toEqual([new control.ResourceT('gpu', ['0', '1'])])
    expect(replayed.all(control.RequestExecutorsT).length).toBeGreaterThan(5)
  })

  test('M12, M15, M16, M33 to M35, M37: drivers launched, asked for, killed, failed', async () => {
    const replayed = await replay('worker-drivers', [release, version])
    const submitted = replayed.all(control.RequestSubmitDriverT)
    expect(submitted).toHaveLength(3)
    expect(decodeDriver(submitted[0]!.description)).toMatchObject({
      jarUrl: expect.stringMatching(/^file:\/\/\/opt\/app\/app-[\d.]+\.jar$/),
      memoryMb: 512,
      cores: 1,
      supervise: false,
      command: { mainClass: 'org.apache.spark.deploy.worker.DriverWrapper' },
      runtimes: (version === '4.3' ? ['4.1', '4.2', '4.3'] : [version]).map(
        (minor) => `spark-${minor}-driver`,
      ),
    })
    const states = replayed.all(control.DriverStateChangedT)
    expect(states.map(({ state }) => control.DriverState[state])).toEqual([
      'KILLED',
      'ERROR',
      'FINISHED',
    ])
    expect(states[1]!.exception).toBe('java.nio.file.NoSuchFileException: /opt/app/missing.jar')
  })

  test('M19, M20, M26: workers leave, by a signal and by order', async () => {
    const replayed = await replay('worker-decommission', [release, version])
    expect(replayed.all(control.WorkerDecommissioningT)).toHaveLength(1)
    expect(replayed.all(control.RegisterWorkerT)).toHaveLength(2)
  })

  test('M4, L1, L7, Y7: a standby master sends workers away, says no to clients and nothing to drivers', async () => {
    const replayed = await replay('standby', [release, version], { standby: true })
    expect(replayed.all(control.RegisterWorkerT)).toHaveLength(3)
    expect(replayed.all(control.RequestKillDriverT)).toHaveLength(2)
    expect(replayed.all(control.RegisterApplicationT)).toHaveLength(1)
  })
})
