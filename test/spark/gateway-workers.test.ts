/** Apache Workers at the gateway beyond the ordinary course (M1 to M20, L4, L5, L10): who may join, and what goes wrong. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'

import { keys } from '../../src/conf/keys.js'
import { encode } from '../../src/control/codec.js'
import { BatchWriter, InboxKind, OutboxKind } from '../../src/control/records.js'
import * as control from '../../src/schema/magneto.js'
import { encodeOneWay, FrameType, type Frame } from '../../src/spark/frame.js'
import type { GatewayOptions } from '../../src/spark/gateway.js'
import { readJavaStream } from '../../src/spark/java/reader.js'
import { classNameOf, fieldOf, objectOf } from '../../src/spark/java/values.js'
import { JavaString } from '../../src/spark/java/tree.js'
import { MAX_LAUNCH_SILENCE_MS } from '../../src/spark/launch-watch.js'
import { decodeRequest, encodeRequestHeader } from '../../src/spark/rpc-request.js'
import { SPARK_VERSIONS } from '../../src/control/runtimes.js'
import { patientTimers } from '../patient-timers.js'
import { captured, GatewayHarness, MASTER_URL, type Peer } from './gateway-harness.js'
import { sample } from './golden-vectors.js'
import { someApplication, someDriver } from './scripted-core.js'

const UI_PORT = '27101'
const servers: Server[] = []

afterEach(() => {
  vi.useRealTimers()
  for (const server of servers.splice(0)) server.close()
})

/** A worker's web UI. @returns its port, and how often it was asked */
async function webUi(release: string | Promise<string>) {
  const asked = { port: '', times: 0 }
  const server = createServer((_request, response) => {
    asked.times++
    void Promise.resolve(release).then((text) =>
      response.end(`<html><h3><span class="version me-3">${text}</span></h3></html>`),
    )
  })
  servers.push(server)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  asked.port = String((server.address() as AddressInfo).port).padStart(5, '0')
  return asked
}

/** RegisterWorker of worker-1 (or -2) as a probe of that release sent it, with its web UI elsewhere. */
function registration(release: string, uiPort = UI_PORT, connection = '02'): Buffer {
  const [frame] = captured(`errors-${release}`, connection)
  expect(frame!.msg).toBe('RegisterWorker')
  const bytes = Buffer.from(frame!.bytes)
  bytes.write(uiPort, bytes.indexOf(UI_PORT))
  return bytes
}

const heartbeat = captured('errors-4.3.0', '03').find(({ msg }) => msg === 'Heartbeat')!.bytes
const stateChanged = captured('errors-4.3.0', '00').find(
  ({ msg }) => msg === 'ExecutorStateChanged',
)!

/** A one-way message: its class without the package, and its fields' texts. */
function message(frame: Frame): { kind: string; endpoint: string; text: string } {
  if (frame.type !== FrameType.ONE_WAY) throw new Error(`a frame of type ${FrameType[frame.type]}`)
  const { header, stream } = decodeRequest(frame.body)
  const root = objectOf(readJavaStream(stream).root)
  const kind = classNameOf(root).replace(/^.*\$(?=.)/, '')
  const field = kind === 'RegisterWorkerFailed' ? fieldOf(root, 'message') : null
  const text = field instanceof JavaString ? field.value : stream.toString('latin1')
  return { kind, endpoint: header.endpoint, text }
}

const start = (gateway: Partial<GatewayOptions> = {}) =>
  GatewayHarness.start({ gateway: { workerPausesMs: [0], ...gateway } })

/** A worker of 4.3.0 that the core has let in. */
async function registered(harness: GatewayHarness) {
  const peer = harness.connect()
  await peer.write(registration('4.3.0'))
  const { session } = await harness.inbox.next()
  await harness.inbox.next()
  harness.send(session, new control.WorkerRegisteredT(MASTER_URL, '', false))
  expect(message(await peer.frames.next()).kind).toBe('RegisteredWorker')
  return { peer, session }
}

async function expectFailed(peer: Peer, reason: RegExp | string): Promise<void> {
  const { kind, endpoint, text } = message(await peer.frames.next())
  expect({ kind, endpoint }).toEqual({ kind: 'RegisterWorkerFailed', endpoint: 'Worker' })
  expect(text).toMatch(reason)
  await peer.closed
}

describe('M1: which Spark a worker is of', () => {
  // Its web UI has three seconds to answer, and is asked once.
  patientTimers()

  test.each([
    ['4.3.0', '4.2.1', '4.2'],
    ['4.3.0', '4.1.4', '4.1'],
    ['4.3.0', '4.3.0', '4.3'],
    ['4.0.1', '4.0.1', '4.0'],
    ['3.5.9', '3.5.1.vendor-7', '3.5'],
  ])('messages of %s, and a web UI that says %s: %s', async (messages, page, version) => {
    await using harness = await start({ apacheWorkerVersion: '4.3' })
    const ui = await webUi(page)
    await harness.connect().write(registration(messages, ui.port))
    expect((await harness.inbox.next()).kind).toBe(InboxKind.CONNECTED)
    const { body } = await harness.inbox.next()
    expect(body).toMatchObject({
      workerId: 'worker-1',
      port: 27100,
      runtimes: [`spark-${version}`, `spark-${version}-driver`],
    })
  })

  test.each([
    ['4.3.0', '4.4.0', /this worker is of Spark 4\.4\.0, although its messages look like 4\.1, /],
    ['3.5.9', '3.4.4', /Spark 3\.4\.4, although its messages look like 3\.5; served are Spark 3/],
    ['4.0.1', '4.1.4', /Spark 4\.1\.4, although its messages look like 4\.0;/],
  ])('messages of %s, but it says %s: refused', async (messages, page, reason) => {
    await using harness = await start({ apacheWorkerVersion: '4.3' })
    const ui = await webUi(page)
    const peer = harness.connect()
    await peer.write(registration(messages, ui.port))
    await expectFailed(peer, reason)
    expect(harness.inbox.size).toBe(0)
  })

  test('no web UI: the setting decides, or its messages where they are enough', async () => {
    for (const [messages, setting, version] of [
      ['4.3.0', '4.2', '4.2'],
      ['4.0.1', null, '4.0'],
      ['3.5.9', '4.3', '3.5'],
    ] as const) {
      await using harness = await start({ apacheWorkerVersion: setting })
      await harness.connect().write(registration(messages))
      await harness.inbox.next()
      expect((await harness.inbox.next()).body).toMatchObject({
        runtimes: [`spark-${version}`, `spark-${version}-driver`],
      })
    }
  })

  test('the setting knows the versions that are served', () => {
    const key = keys.apacheWorkerVersion
    for (const version of SPARK_VERSIONS) expect(key.parse(version)).toBe(version)
    expect(() => key.parse('3.4')).toThrow(SPARK_VERSIONS.join(', '))
  })

  test('no web UI and no setting, or a wrong one: refused with what to do', async () => {
    for (const [setting, reason] of [
      [null, /4\.1, 4\.2, 4\.3, and its web UI at http:.*set spark\.magneto\.apacheWorkerVersion/],
      ['4.0', /apacheWorkerVersion is 4\.0, but this worker's messages are of Spark 4\.1, 4\.2/],
    ] as const) {
      await using harness = await start({ apacheWorkerVersion: setting })
      const peer = harness.connect()
      await peer.write(registration('4.3.0'))
      await expectFailed(peer, reason)
    }
  })

  test('trap 7: it registers again while it is asked, and after: one question, one session', async () => {
    await using harness = await start()
    let tell: (release: string) => void = () => {}
    const ui = await webUi(new Promise((resolve) => (tell = resolve)))
    const peer = harness.connect()
    const bytes = registration('4.3.0', ui.port)
    await peer.write(Buffer.concat([bytes, bytes, heartbeat]))
    await expect.poll(() => ui.times).toBe(1)
    expect(harness.inbox.size).toBe(0)
    tell('4.3.0')
    const { session } = await harness.inbox.next()
    await harness.inbox.next()
    expect(harness.inbox.size).toBe(0)
    await peer.write(bytes)
    expect((await harness.inbox.next()).body).toBeInstanceOf(control.RegisterWorkerT)
    for (const duplicate of [false, true]) {
      harness.send(session, new control.WorkerRegisteredT(MASTER_URL, '', duplicate))
      const frame = await peer.frames.next()
      expect(message(frame).kind).toBe('RegisteredWorker')
      const { stream } = decodeRequest((frame as { body: Buffer }).body)
      expect(fieldOf(objectOf(readJavaStream(stream).root), 'duplicate')).toBe(duplicate)
    }
    expect(ui.times).toBe(1)
  })

  test('one that comes back over another connection is not asked again', async () => {
    await using harness = await start()
    const ui = await webUi('4.1.4')
    for (let connections = 0; connections < 2; connections++) {
      const peer = harness.connect()
      await peer.write(registration('4.3.0', ui.port))
      expect((await harness.inbox.next()).kind).toBe(InboxKind.CONNECTED)
      expect((await harness.inbox.next()).body).toMatchObject({
        runtimes: ['spark-4.1', 'spark-4.1-driver'],
      })
      peer.socket.end()
      expect((await harness.inbox.next()).kind).toBe(InboxKind.DISCONNECTED)
    }
    expect(ui.times).toBe(1)
  })

  test('one that leaves while it is asked was never a session', async () => {
    await using harness = await start()
    const ui = await webUi(new Promise(() => {}))
    const peer = harness.connect()
    await peer.write(registration('4.3.0', ui.port))
    await expect.poll(() => ui.times).toBe(1)
    peer.socket.end()
    await harness.log.until('connection ended')
    expect(harness.inbox.size).toBe(0)
  })
})

test('L5: a heartbeat of a worker that was here calls it back, of any other is ignored', async () => {
  await using harness = await start({ apacheWorkerVersion: '4.3' })
  const [register, beat] = ['RegisterWorker', 'Heartbeat'].map(
    (kind) => captured('worker-app-4.3.0').find(({ msg }) => msg === kind)!.bytes,
  )
  const stranger = harness.connect()
  await stranger.write(beat!)
  const worker = harness.connect()
  await worker.write(register!)
  const { session } = await harness.inbox.next()
  await harness.inbox.next()
  harness.send(session, new control.WorkerRegisteredT(MASTER_URL, '', false))
  await worker.frames.next()
  await worker.write(beat!)
  expect((await harness.inbox.next()).body).toBeInstanceOf(control.WorkerHeartbeatT)
  await stranger.write(beat!)
  const { kind, text } = message(await stranger.frames.next())
  expect(kind).toBe('ReconnectWorker')
  expect(text).toContain(MASTER_URL)
  expect(stranger.frames.size).toBe(0)
})

test('L10, M11: every executor state is answered true: unregistered, open when the session ends', async () => {
  await using harness = await start({ apacheWorkerVersion: '4.3' })
  const stranger = harness.connect()
  await stranger.write(stateChanged.bytes)
  const isTrue = (frame: Frame): boolean => {
    if (frame.type !== FrameType.RPC_RESPONSE) return false
    return fieldOf(objectOf(readJavaStream(frame.body).root), 'value') === true
  }
  expect(isTrue(await stranger.frames.next())).toBe(true)
  expect(harness.inbox.size).toBe(0)

  const { peer, session } = await registered(harness)
  await peer.write(stateChanged.bytes)
  expect((await harness.inbox.next()).body).toMatchObject({ appId: 'app-1', executorId: 0 })
  harness.send(session, new control.RefusedT('executor app-1/0 is not on this worker'))
  harness.close(session, 'executor app-1/0 is not on this worker')
  expect(isTrue(await peer.frames.next())).toBe(true)
  await peer.closed
  expect(peer.frames.size).toBe(0)
})

test('M3: the core refuses a worker: told, and closed when the session ends', async () => {
  await using harness = await start({ apacheWorkerVersion: '4.3' })
  const peer = harness.connect()
  await peer.write(registration('4.3.0'))
  const { session } = await harness.inbox.next()
  harness.send(session, new control.RegisterWorkerFailedT('Attempted to re-register'))
  expect(message(await peer.frames.next())).toMatchObject({
    kind: 'RegisterWorkerFailed',
    text: 'Attempted to re-register',
  })
  harness.send(session, new control.RefusedT('too many sessions'))
  await expectFailed(peer, /^too many sessions$/)
})

test('N8, M1: a worker whose classes are of no served version is told so', async () => {
  await using harness = await start({ apacheWorkerVersion: '4.3' })
  const peer = harness.connect()
  const bytes = registration('4.3.0')
  const name = 'org.apache.spark.deploy.DeployMessages$RegisterWorker'
  bytes.writeBigInt64BE(4711n, bytes.indexOf(name) + name.length)
  await peer.write(captured('client-app-4.3.0')[0]!.bytes)
  await peer.frames.next()
  await peer.write(bytes)
  await expectFailed(peer, /RegisterWorker \(serialVersionUID 4711\) is of none of the Spark/)
})

describe('M13: an executor', () => {
  const launch = (description: Uint8Array): control.LaunchExecutorT => {
    const body = new control.LaunchExecutorT(MASTER_URL, 'app-1', 0, 0, 1, 512)
    body.application = someApplication
    body.sparkDescription = new Uint8Array(description)
    return body
  }
  /** Any object is a description as far as the wire goes. */
  const description = stateChanged.bytes.subarray(stateChanged.bytes.indexOf('aced0005', 0, 'hex'))

  const silent = async (harness: GatewayHarness, session: number, peer: Peer): Promise<void> => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    harness.send(session, launch(description))
    expect(message(await peer.frames.next()).kind).toBe('LaunchExecutor')
  }

  test('is launched with the description that its batch has apart, the last one before it', async () => {
    await using harness = await start({ apacheWorkerVersion: '4.3' })
    const { peer, session } = await registered(harness)
    const order = (executorId: number) =>
      encode(new control.LaunchExecutorT(MASTER_URL, 'app-1', executorId, 0, 1, 512))
    const writer = new BatchWriter()
    writer.add(OutboxKind.ATTACHMENT, 0, new Uint8Array(1))
    writer.add(OutboxKind.ATTACHMENT, 0, description)
    writer.add(OutboxKind.SEND, session, order(0), 0, true)
    writer.add(OutboxKind.SEND, session, order(1), 0, true)
    harness.gateway.handle(writer.take())
    for (let count = 0; count < 2; count += 1) {
      const frame = await peer.frames.next()
      expect(message(frame).kind).toBe('LaunchExecutor')
      expect((frame as { body: Buffer }).body.includes('DeployMessages$ExecutorStateChanged')).toBe(
        true,
      )
    }
    // One without any: it can't be launched by Apache's worker.
    writer.add(OutboxKind.ATTACHMENT, 0, description)
    writer.add(OutboxKind.SEND, session, order(2))
    harness.gateway.handle(writer.take())
    expect((await harness.inbox.next()).body).toMatchObject({
      executorId: 2,
      state: control.ExecutorState.FAILED,
    })
  })

  test('that its worker never speaks of is killed and fails, naming the likely reason', async () => {
    await using harness = await start({ apacheWorkerVersion: '4.3' })
    const { peer, session } = await registered(harness)
    await silent(harness, session, peer)
    vi.advanceTimersByTime(MAX_LAUNCH_SILENCE_MS - 100)
    expect(harness.inbox.size).toBe(0)
    vi.advanceTimersByTime(200)
    expect(message(await peer.frames.next()).kind).toBe('KillExecutor')
    const { body } = await harness.inbox.next()
    expect(body).toMatchObject({
      appId: 'app-1',
      executorId: 0,
      state: control.ExecutorState.FAILED,
    })
    expect((body as control.ExecutorStateChangedT).message).toMatch(
      /worker-1 has said nothing about it for 60 s: .*another release/,
    )
    // Nobody waits for this one.
    harness.send(session, new control.ReplyT(0, true))
    expect(harness.log.lines.join('\n')).not.toContain('which is not open')
  })

  test.each<
    [
      string,
      control.KillExecutorT | control.ApplicationFinishedT | control.DecommissionWorkerT | null,
    ]
  >([
    ['that its worker speaks of', null],
    ['that is killed', new control.KillExecutorT(MASTER_URL, 'app-1', 0)],
    ['whose application ends', new control.ApplicationFinishedT('app-1')],
    ['whose worker leaves', new control.DecommissionWorkerT()],
  ])('%s is waited for no more', async (_which, body) => {
    await using harness = await start({ apacheWorkerVersion: '4.3' })
    const { peer, session } = await registered(harness)
    await silent(harness, session, peer)
    if (body === null) {
      await peer.write(stateChanged.bytes)
      await harness.inbox.next()
    } else {
      harness.send(session, body)
      await peer.frames.next()
    }
    vi.advanceTimersByTime(10 * MAX_LAUNCH_SILENCE_MS)
    expect(harness.inbox.size).toBe(0)
    expect(peer.frames.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  test.each([
    ['absent', new Uint8Array(), /too large for Apache Workers/],
    ['broken', description.subarray(0, 50), /bad Java serialization stream/],
  ])(
    'whose description is %s fails at once, and its worker stays',
    async (_what, bytes, reason) => {
      await using harness = await start({ apacheWorkerVersion: '4.3' })
      const { peer, session } = await registered(harness)
      harness.send(session, launch(bytes))
      const { body } = await harness.inbox.next()
      expect(body).toMatchObject({ state: control.ExecutorState.FAILED })
      expect((body as control.ExecutorStateChangedT).message).toMatch(reason)
      harness.send(session, new control.KillExecutorT(MASTER_URL, 'app-1', 0))
      expect(message(await peer.frames.next()).kind).toBe('KillExecutor')
    },
  )
})

test('M15: a driver whose description is broken ends with ERROR', async () => {
  await using harness = await start({ apacheWorkerVersion: '4.3' })
  const { session } = await registered(harness)
  const description = someDriver(Buffer.from('nonsense'))
  harness.send(session, new control.LaunchDriverT('driver-1', description))
  const { body } = await harness.inbox.next()
  expect(body).toMatchObject({ driverId: 'driver-1', state: control.DriverState.ERROR })
  expect((body as control.DriverStateChangedT).exception).toMatch(/bad Java serialization stream/)
})

test('what a worker can send in a second is bounded', async () => {
  await using harness = await start({ apacheWorkerVersion: '4.3' })
  const { peer } = await registered(harness)
  // All in one second, however long it takes.
  vi.useFakeTimers({ toFake: ['performance'] })
  await peer.write(Buffer.concat(Array<Buffer>(20_000).fill(heartbeat)))
  await peer.closed
  expect(harness.log.lines.join('\n')).toContain('over 10000 messages of a worker in a second')
})

test('M8, M21, M29, M32, M44: what this master did not ask for, or asks only of itself, is logged', async () => {
  await using harness = await start({ apacheWorkerVersion: '4.3' })
  const { peer } = await registered(harness)
  const header = encodeRequestHeader({ sender: null, receiver: null, endpoint: 'Master' })
  for (const [name, line] of [
    [
      'WorkerSchedulerStateResponse',
      'WorkerSchedulerStateResponse: this master did not ask for it',
    ],
    ['MasterChangeAcknowledged', 'MasterChangeAcknowledged: this master did not ask for it'],
    [
      'SendHeartbeat',
      'Unsupported message "org.apache.spark.deploy.DeployMessages$SendHeartbeat$"',
    ],
  ] as const) {
    await peer.write(encodeOneWay(header, sample('4.3.0', `msg/${name}`)))
    await harness.log.until(line)
  }
  expect(harness.inbox.size).toBe(0)
  expect(peer.frames.size).toBe(0)
})
