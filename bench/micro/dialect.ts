/** Spark's messages and the Java streams that they travel in, as real processes of Spark 4.3 wrote them. */
import { type Bench } from 'tinybench'
import { FrameDecoder, encodeOneWay } from '../../src/spark/frame.js'
import { readJavaStream } from '../../src/spark/java/reader.js'
import { writeJavaStream } from '../../src/spark/java/writer.js'
import { type OutgoingMessage, PeerDialect, decodeMessage } from '../../src/spark/messages.js'
import { samples } from '../../test/spark/golden-vectors.js'

const RECEIVED = [
  'RegisterWorker',
  'Heartbeat',
  'WorkerLatestState',
  'ExecutorStateChanged-running',
  'ExecutorStateChanged-exited',
  'DriverStateChanged',
  'RegisterApplication',
  'UnregisterApplication',
  'RequestExecutors',
  'KillExecutors',
  'RequestSubmitDriver',
  'RequestDriverStatus',
] as const

const master = { host: '10.0.0.1', port: 7077 }
const masterUrl = 'spark://10.0.0.1:7077'
const appId = 'app-20261121103005-0000'

type LaunchExecutor = Extract<OutgoingMessage, { kind: 'LaunchExecutor' }>

function launchOf(registration: Uint8Array): LaunchExecutor {
  const message = decodeMessage(registration)
  if (message.kind !== 'RegisterApplication') throw new Error(`the sample is a ${message.kind}`)
  const executor = { execId: 7, rpId: 0, cores: 1, memoryMb: 1024, resources: [] }
  const appDescription = message.appDescription.javaStream
  return { kind: 'LaunchExecutor', masterUrl, appId, appDescription, ...executor }
}

/** Another application of the same Spark. */
function renamed(registration: Uint8Array, from: string, to: string): Buffer {
  const bytes = Buffer.from(registration)
  const at = bytes.indexOf(from)
  if (at === -1 || from.length !== to.length) throw new Error(`can't make ${to} of ${from}`)
  bytes.write(to, at)
  return bytes
}

function sent(registration: Uint8Array): OutgoingMessage[] {
  return [
    { kind: 'BooleanReply', value: true },
    {
      kind: 'RegisteredWorker',
      master,
      masterWebUiUrl: 'http://10.0.0.1:8080',
      masterAddress: master,
      duplicate: false,
    },
    { kind: 'RegisteredApplication', appId, master },
    {
      kind: 'ExecutorAdded',
      id: 7,
      workerId: 'worker-20261121-10.0.0.2-7000',
      hostPort: '10.0.0.2:7000',
      cores: 1,
      memoryMb: 1024,
    },
    {
      kind: 'ExecutorUpdated',
      id: 7,
      state: 'RUNNING',
      message: null,
      exitStatus: null,
      workerHost: null,
    },
    launchOf(registration),
    { kind: 'KillExecutor', masterUrl, appId, execId: 7 },
    { kind: 'ApplicationFinished', id: appId },
    {
      kind: 'SubmitDriverResponse',
      success: true,
      driverId: 'driver-20261121103005-0000',
      message: 'Driver successfully submitted as driver-20261121103005-0000',
    },
  ]
}

export function addDialect(bench: Bench): void {
  const all = new Map(samples('4.3.0').map(({ name, bytes }) => [name, bytes]))
  const sample = (name: string): Uint8Array => {
    const bytes = all.get(`msg/${name}`)
    if (bytes === undefined) throw new Error(`there is no sample of ${name}`)
    return bytes
  }
  for (const name of RECEIVED) {
    const bytes = sample(name)
    bench.add(`Spark: decode ${name}`, () => decodeMessage(bytes))
  }
  const registration = sample('RegisterApplication')
  const peer = new PeerDialect()
  peer.learn(decodeMessage(registration))
  for (const message of sent(registration))
    bench.add(`Spark: encode ${message.kind}`, () => peer.encode(message))

  const applications = ['Pi', 'Po', 'Pa'].map((name) =>
    launchOf(renamed(registration, '\0\u0002Pi', `\0\u0002${name}`)),
  )
  let turn = 0
  bench.add('Spark: encode LaunchExecutor of another application', () =>
    peer.encode(applications[turn++ % applications.length]!),
  )
  const submission = decodeMessage(sample('RequestSubmitDriver'))
  if (submission.kind !== 'RequestSubmitDriver') throw new Error(submission.kind)
  const driverDescription = submission.driverDescription.javaStream
  bench.add('Spark: encode LaunchDriver', () =>
    peer.encode({ kind: 'LaunchDriver', driverId: 'driver-7', driverDescription, resources: [] }),
  )

  const { root } = readJavaStream(registration)
  bench.add('Java stream: read RegisterApplication', () => readJavaStream(registration))
  bench.add('Java stream: write RegisterApplication', () => writeJavaStream(root))

  const frames = Buffer.concat(Array.from({ length: 16 }, () => encodeOneWay(sample('Heartbeat'))))
  const decoder = new FrameDecoder()
  bench.add('RPC: 16 frames of heartbeats in one read', () => {
    decoder.push(frames, () => {})
  })
}
