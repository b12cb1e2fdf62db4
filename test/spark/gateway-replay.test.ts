/**
 * Client-mode drivers of real Spark against the gateway (M22 to M31): what they sent, cut at random places,
 * becomes control messages, and what the core answers becomes the very bytes that Apache's Master sent.
 */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { InboxKind, SessionSource, sourceOf } from '../../src/control/records.js'
import { decodeApplication, type BodyT } from '../../src/control/codec.js'
import {
  ApplicationRegisteredT,
  ExecutorAddedT,
  ExecutorUpdatedT,
  JvmCommandT,
  KillExecutorsT,
  RegisterApplicationT,
  ReplyT,
  RequestExecutorsT,
  UnregisterApplicationT,
} from '../../src/schema/magneto.js'
import {
  captured,
  GatewayHarness,
  MASTER_URL,
  type CapturedFrame,
  type CoreRecord,
} from './gateway-harness.js'

interface Fields {
  appId: string
  cores: number
  id: number
  memory: number
  hostPort: string
  workerId: string
  exitStatus: { Some: number } | null
  message: { Some: string } | null
  state: { i: number }
  workerHost: { Some: string } | null
}

/** The control message that makes the gateway send a captured one-way message of the Master. */
function bodyOf(frame: CapturedFrame): BodyT {
  const fields = frame.fields as unknown as Fields
  switch (frame.msg) {
    case 'RegisteredApplication':
      return new ApplicationRegisteredT(fields.appId, MASTER_URL)
    case 'ExecutorAdded': {
      const [host, port] = fields.hostPort.split(':')
      return new ExecutorAddedT(
        fields.id,
        fields.workerId,
        host,
        Number(port),
        fields.cores,
        fields.memory,
      )
    }
    case 'ExecutorUpdated':
      return new ExecutorUpdatedT(
        fields.id,
        fields.state.i,
        fields.message?.Some ?? null,
        fields.exitStatus?.Some ?? null,
        fields.workerHost?.Some ?? null,
      )
    default:
      throw new Error(`no control message for ${frame.msg}`)
  }
}

/** Enumeration values of 3.5 drag their whole enumeration along; a shorter form is sent (WIRE 8.4). */
function isComparable(frame: CapturedFrame, version: string): boolean {
  return version !== '3.5.9' || frame.msg !== 'ExecutorUpdated'
}

const toCore: Record<string, new () => BodyT> = {
  RegisterApplication: RegisterApplicationT,
  UnregisterApplication: UnregisterApplicationT,
  RequestExecutors: RequestExecutorsT,
  KillExecutors: KillExecutorsT,
}

interface Replay {
  readonly inbox: CoreRecord[]
  /** What came back, beside what Apache's Master sent. */
  readonly answers: { readonly ours: string; readonly apache: string }[]
}

async function replay(name: string, version: string, seed: number): Promise<Replay> {
  await using harness = await GatewayHarness.start()
  const peer = harness.connect()
  const inbox: CoreRecord[] = []
  const openAsks = new Map<string, number>()
  const frames = captured(`${name}-${version}`)
  const answers: { ours: string; apache: string }[] = []
  let read = 0
  for (const [index, frame] of frames.entries()) {
    if (frame.direction === 'c2s') {
      const cuts = fc.sample(fc.array(fc.nat(), { maxLength: 6 }), {
        numRuns: 1,
        seed: seed + index,
      })
      await peer.write(frame.bytes, cuts[0])
      if (frame.endpoint !== 'Master') continue
      let record = await harness.inbox.next()
      inbox.push(record)
      if (record.kind === InboxKind.CONNECTED) inbox.push((record = await harness.inbox.next()))
      expect(record.body, harness.log.lines.at(-1)).toBeInstanceOf(toCore[frame.msg!])
      if (record.body instanceof RequestExecutorsT || record.body instanceof KillExecutorsT)
        openAsks.set(frame.reqId!, record.body.requestId)
      continue
    }
    const session = inbox[0]?.session ?? 0
    if (frame.type === 'OneWayMessage') harness.send(session, bodyOf(frame))
    else if (openAsks.has(frame.reqId!))
      harness.send(session, new ReplyT(openAsks.get(frame.reqId!), frame.value === true))
    await peer.frames.next()
    const ours = peer.received.subarray(read)
    read += ours.length
    if (isComparable(frame, version))
      answers.push({ ours: ours.toString('hex'), apache: frame.bytes.toString('hex') })
  }
  peer.socket.end()
  inbox.push(await harness.inbox.next())
  expect(harness.inbox.size).toBe(0)
  return { inbox, answers }
}

const versions = [
  ['3.5.9', '3.5'],
  ['4.0.1', '4.0'],
  ['4.3.0', '4.3'],
] as const

describe.each(versions)('a driver of Spark %s', (release, version) => {
  test('N5, N6, M22 to M26: registers, gets executors, ends: one session, and the bytes of Apache', async () => {
    const { inbox, answers } = await replay('client-app', release, 1)
    expect(inbox.map(({ kind, body }) => [InboxKind[kind], body?.constructor.name])).toEqual([
      ['CONNECTED', undefined],
      ['MESSAGE', 'RegisterApplicationT'],
      ['MESSAGE', 'UnregisterApplicationT'],
      ['DISCONNECTED', undefined],
    ])
    expect(new Set(inbox.map(({ session }) => session)).size).toBe(1)
    expect(sourceOf(inbox[0]!.session)).toBe(SessionSource.GATEWAY)
    expect(inbox[0]!.text).toMatch(/^127\.0\.0\.1:\d+$/)
    for (const { ours, apache } of answers) expect(ours).toBe(apache)
  })

  test('tells what its application needs', async () => {
    const { inbox } = await replay('client-app', release, 2)
    const registration = inbox[1]!.body as RegisterApplicationT
    expect(registration.driverAddress).toBe('127.0.0.1:27200')
    const application = decodeApplication(registration.application)
    expect(application).toMatchObject({
      uiUrl: 'http://127.0.0.1:27240',
      maxCores: 2,
      runtime: `spark-${version}`,
      defaultProfile: { id: 0, cores: 1, memoryMb: 512 },
    })
    const command = application.command as JvmCommandT
    expect(command).toBeInstanceOf(JvmCommandT)
    expect(command.mainClass).toBe('org.apache.spark.executor.CoarseGrainedExecutorBackend')
    expect(command.args.slice(0, 4)).toEqual([
      '--driver-url',
      'spark://CoarseGrainedScheduler@127.0.0.1:27200',
      '--executor-id',
      '{{EXECUTOR_ID}}',
    ])
    expect(command.sparkVersion).toBe(version)
    expect(command.javaOptions).toContain('-Dspark.driver.port=27200')
  })

  test('asks for executors and kills them: its 64-bit request ids come back', async () => {
    const { inbox, answers } = await replay('dynalloc', release, 3)
    for (const { ours, apache } of answers) expect(ours).toBe(apache)
    const bodies = inbox.map(({ body }) => body)
    const asks = bodies.filter((body) => body instanceof RequestExecutorsT)
    expect(asks.length).toBeGreaterThan(5)
    expect(asks.map(({ requestId }) => requestId)).toEqual(
      asks.map(({ requestId }) => requestId).toSorted((a, b) => a - b),
    )
    expect(asks[0]!.targets[0]!.profile).toMatchObject({ id: 0 })
    const kill = bodies.find((body) => body instanceof KillExecutorsT)
    expect(kill!.executorIds).toEqual([expect.stringMatching(/^\d+$/)])
    const registration = bodies.find((body) => body instanceof RegisterApplicationT)!
    const application = decodeApplication(registration.application)
    expect(application.initialExecutorLimit).toBe(0)
    expect(application.defaultProfile!.resources).toMatchObject([{ name: 'gpu', amount: 1 }])
  })
})
