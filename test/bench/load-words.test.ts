/** The load generator's messages: what Spark 4.3.0 wrote, but for what differs from peer to peer. */
import { describe, expect, it } from 'vitest'
import { captured, sampled } from '../../bench/load/peers/golden.js'
import type { FrameTemplate, HoleValue } from '../../bench/load/peers/template.js'
import { schedulerState } from '../../bench/load/peers/worker-state.js'
import { clientWords, driverWords, workerWords } from '../../bench/load/peers/words.js'
import { FrameDecoder, FrameType, type Frame } from '../../src/spark/frame.js'
import { decodeMessage, type IncomingMessage } from '../../src/spark/messages.js'
import { decodeRequest, type RequestHeader } from '../../src/spark/rpc-request.js'

const master = { host: '127.0.0.1', port: 27077 }
const workerId = 'worker-20261121020327-127.0.0.1-27300'
const appId = 'app-20261121020349-0000'
const worker = { host: '127.0.0.1', port: 27300, ref: 'spark://Worker@127.0.0.1:27300' }
const driver = { host: '127.0.0.1', port: 27200, ref: 'spark://AppClient@127.0.0.1:27200' }
const registration = {
  ...worker,
  id: workerId,
  webUiUrl: 'http://127.0.0.1:27301',
  cores: 4,
  memory: 2048,
  masterHost: '127.0.0.1',
  masterPort: 27077,
}

interface Sent {
  readonly frame: Frame
  readonly header: RequestHeader
  readonly stream: Buffer
}

/** What a master makes of one frame; there must be one, and nothing more. */
function sent(bytes: Buffer): Sent {
  const frames: Frame[] = []
  const decoder = new FrameDecoder()
  decoder.push(bytes, (frame) => frames.push(frame))
  expect([frames.length, decoder.heldBytes]).toEqual([1, 0])
  const [frame] = frames
  if (frame?.type !== FrameType.ONE_WAY && frame?.type !== FrameType.RPC_REQUEST)
    throw new Error('no request')
  return { frame, ...decodeRequest(frame.body) }
}

function decoded(bytes: Buffer): IncomingMessage {
  return decodeMessage(sent(bytes).stream)
}

type AnyTemplate = FrameTemplate<string>

/** Filled with what the capture has, a template is the capture. */
const rows: readonly (readonly [string, AnyTemplate, Record<string, HoleValue>, Uint8Array])[] = [
  ...(() => {
    const words = workerWords(master)
    const link = 'a-worker-register-heartbeat'
    const changed = (bytes: number) => captured(link, 'ExecutorStateChanged', bytes)
    return [
      ['CheckExistence', words.lookUp, worker, captured(link, 'CheckExistence')],
      ['RegisterWorker', words.register, registration, captured(link, 'RegisterWorker')],
      [
        'WorkerLatestState',
        words.latestState,
        { ...worker, id: workerId },
        captured(link, 'WorkerLatestState'),
      ],
      ['Heartbeat', words.heartbeat, { ...worker, id: workerId }, captured(link, 'Heartbeat')],
      [
        'ExecutorStateChanged RUNNING',
        words.executorRunning,
        { ...worker, appId, execId: 1 },
        changed(928),
      ],
      [
        'ExecutorStateChanged KILLED',
        words.executorKilled,
        {
          ...worker,
          appId,
          execId: 0,
          message: `Runner thread for executor ${appId}/0 interrupted`,
        },
        changed(1095),
      ],
    ] as const
  })(),
  ...(() => {
    const words = driverWords(master, { executorCores: 1, executorMemoryMb: 512, maxCores: 2 })
    const link = 'b-client-app'
    const name = decodeMessage(captured(link, 'RegisterApplication'))
    if (name.kind !== 'RegisterApplication') throw new Error('no application in the capture')
    return [
      [
        'RegisterApplication',
        words.register,
        { ...driver, name: name.appDescription.name },
        captured(link, 'RegisterApplication'),
      ],
      [
        'UnregisterApplication',
        words.unregister,
        { ...driver, appId },
        captured(link, 'UnregisterApplication'),
      ],
    ] as const
  })(),
  ...(() => {
    const words = clientWords(master, { cores: 1, memoryMb: 512 })
    return [
      [
        'RequestSubmitDriver',
        words.submit,
        worker,
        captured('d-cluster-submit', 'RequestSubmitDriver'),
      ],
      ['BoundPortsRequest', words.boundPorts, worker, sampled('msg/BoundPortsRequest')],
      ['RequestReadyz', words.readyz, worker, sampled('msg/RequestReadyz')],
    ] as const
  })(),
]

describe('N8: what the load generator says is what Spark 4.3.0 wrote', () => {
  it.each(rows)('%s, byte for byte', (_name, template, values, written) => {
    const { stream, header } = sent(template.frame(values, 7))
    expect(stream.toString('hex')).toBe(Buffer.from(written).toString('hex'))
    expect([header.sender, header.receiver]).toEqual([
      { host: values['host'], port: values['port'] },
      master,
    ])
  })

  it('asks have their number, and everything else has none', () => {
    const words = workerWords(master)
    const ask = sent(words.executorRunning.frame({ ...worker, appId, execId: 1 }, 4_000_000_000))
    expect(ask.frame).toMatchObject({ type: FrameType.RPC_REQUEST, requestId: 4_000_000_000n })
    const beat = sent(words.heartbeat.frame({ ...worker, id: workerId }))
    expect(beat.frame.type).toBe(FrameType.ONE_WAY)
  })
})

describe('N8: what is put into the holes is what a master reads', () => {
  const other = { host: '127.77.123.4', port: 50_123, ref: 'spark://Worker@127.77.123.4:50123' }

  it('a worker', () => {
    const words = workerWords({ host: 'other', port: 7077 })
    const bytes = words.register.frame({
      ...other,
      id: 'worker-of-another-length',
      webUiUrl: 'http://127.77.123.4:8081',
      cores: 16,
      memory: 65_536,
      masterHost: 'other',
      masterPort: 7077,
    })
    expect(decoded(bytes)).toMatchObject({
      kind: 'RegisterWorker',
      id: 'worker-of-another-length',
      host: other.host,
      port: other.port,
      worker: { name: 'Worker', address: { host: other.host, port: other.port } },
      cores: 16,
      memoryMb: 65_536,
      workerWebUiUrl: 'http://127.77.123.4:8081',
      masterAddress: { host: 'other', port: 7077 },
    })
    expect(sent(bytes).header.receiver).toEqual({ host: 'other', port: 7077 })
  })

  it('an application and its executors', () => {
    const words = driverWords(master, {
      executorCores: 4,
      executorMemoryMb: 1024,
      maxCores: 160_000,
    })
    expect(decoded(words.register.frame({ ...other, name: 'large' }))).toMatchObject({
      kind: 'RegisterApplication',
      driver: { name: 'AppClient', address: { host: other.host, port: other.port } },
      appDescription: {
        name: 'large',
        maxCores: 160_000,
        defaultProfile: { cores: 4, memoryMb: 1024 },
      },
    })
    const id = 'app-20261121020349-123456'
    const words2 = workerWords(master)
    expect(
      decoded(words2.executorRunning.frame({ ...other, appId: id, execId: 39_999 })),
    ).toMatchObject({ appId: id, execId: 39_999, state: 'RUNNING', exitStatus: null })
    expect(
      decoded(words2.executorKilled.frame({ ...other, appId: id, execId: 3, message: 'gone' })),
    ).toMatchObject({ appId: id, execId: 3, state: 'KILLED', message: 'gone', exitStatus: 143 })
    expect(decoded(words.acknowledge.frame({ ...other, appId: id }))).toMatchObject({
      kind: 'MasterChangeAcknowledged',
      appId: id,
    })
  })

  it('a driver in cluster mode', () => {
    const { submit } = clientWords(master, { cores: 3, memoryMb: 777 })
    expect(decoded(submit.frame(other, 1))).toMatchObject({
      kind: 'RequestSubmitDriver',
      driverDescription: { cores: 3, memoryMb: 777, supervise: false },
    })
    const { driverFinished } = workerWords(master)
    const driverId = 'driver-20261121025426-12345'
    expect(decoded(driverFinished.frame({ ...other, driverId }))).toMatchObject({
      kind: 'DriverStateChanged',
      driverId,
      state: 'FINISHED',
      exception: null,
    })
  })
})

describe('N8: what a worker tells a master that has come to lead', () => {
  const link = 'h-recovery'
  const id = 'worker-20261121022243-127.0.0.1-27300'

  it('with what the capture has, it is the capture', () => {
    const running = { appId: 'app-20261121022314-0000', cores: 1, memoryMb: 512 }
    const executors = [
      { ...running, execId: 1 },
      { ...running, execId: 0 },
    ]
    const frame = schedulerState(id, executors, worker, master)
    const read = decodeMessage(captured(link, 'WorkerSchedulerStateResponse'))
    expect(decoded(frame)).toMatchObject({ ...read, stream: expect.anything() })
  })

  it('any number of executors, none as well', () => {
    const executors = Array.from({ length: 20 }, (_, execId) => ({
      appId: `app-20261121022314-${execId}`,
      execId,
      cores: 2,
      memoryMb: 1024,
    }))
    const message = decoded(schedulerState('another', executors, worker, master))
    expect(message).toMatchObject({
      kind: 'WorkerSchedulerStateResponse',
      id: 'another',
      drivers: [],
    })
    if (message.kind !== 'WorkerSchedulerStateResponse') throw new Error('checked above')
    expect(message.executors.map(({ description }) => description)).toEqual(
      executors.map((executor) => Object.assign(executor, { rpId: 0, state: 'RUNNING' })),
    )
    const none = decoded(schedulerState('idle', [], worker, master))
    expect(none).toMatchObject({ id: 'idle', executors: [], drivers: [] })
  })
})
