/** Messages of workers and clients both ways, as each of five releases serialized them by itself. */
import { describe, expect, test } from 'vitest'

import { decode, decodeDriver, encode, encodeDriver, type BodyT } from '../../src/control/codec.js'
import { namedByDriverId } from '../../src/control/driver-name.js'
import * as control from '../../src/schema/magneto.js'
import { executorStateAsk, askOf } from '../../src/spark/gateway-asks.js'
import {
  keptDescription,
  MAX_DESCRIPTION_BYTES,
  TranslationError,
} from '../../src/spark/gateway-translate.js'
import {
  driverStateChangedOf,
  registerWorkerOf,
  schedulerStateOf,
  toWorker,
  workerLatestStateOf,
} from '../../src/spark/gateway-translate-worker.js'
import { readJavaStream } from '../../src/spark/java/reader.js'
import type { JavaString } from '../../src/spark/java/tree.js'
import { fieldOf, objectOf } from '../../src/spark/java/values.js'
import { writeJavaStream } from '../../src/spark/java/writer.js'
import {
  decodeMessage,
  PeerDialect,
  type IncomingMessage,
  type LaunchDriver,
  type OutgoingMessage,
  type SparkVersion,
} from '../../src/spark/messages.js'
import { versionOf } from '../../src/control/runtimes.js'
import { capture, RELEASES, sample, type Release } from './golden-vectors.js'
import { expectSameMeaning } from './same-message.js'
import { someApplication } from './scripted-core.js'

const master = { host: '127.0.0.1', port: 27077 }
const url = 'spark://127.0.0.1:27077'
const SPARK_SUBMIT = 'org.apache.spark.deploy.SparkSubmit'
const context = { master, masterAddress: master, version: null }

function incoming<Kind extends IncomingMessage['kind']>(
  release: Release,
  kind: Kind,
  variant = '',
): Extract<IncomingMessage, { kind: Kind }> {
  const message = decodeMessage(sample(release, `msg/${kind}${variant}`))
  expect(message.kind).toBe(kind)
  return message as Extract<IncomingMessage, { kind: Kind }>
}

/** As it arrives at the other side. */
function sent<T extends BodyT>(body: T): T {
  return decode(encode(body)) as T
}

function subtree(release: Release, name: string, field: string): Uint8Array {
  const root = objectOf(readJavaStream(sample(release, name)).root)
  return new Uint8Array(writeJavaStream(objectOf(fieldOf(root, field))))
}

const driverFields = (): control.DriverDescriptionT =>
  new control.DriverDescriptionT(
    'file:/tmp/a.jar',
    1024,
    1,
    true,
    new control.JvmCommandT(
      'org.apache.spark.deploy.worker.DriverWrapper',
      ['{{WORKER_URL}}', '{{USER_JAR}}', 'Main', '10'],
      'EABCD'.split('').map((name) => new control.PropertyT(name, `${'ABCDE'.indexOf(name) + 1}`)),
      [],
      [],
      ['-Dspark.app.name=x'],
    ),
    [new control.ResourceAmountT('gpu', 1)],
    ['spark-4.3-driver'],
  )

describe.each(RELEASES)('a worker of %s', (release) => {
  const version = versionOf(release)!

  test('M1: its registration', () => {
    const plain = sent(registerWorkerOf(incoming(release, 'RegisterWorker'), version))
    expect(plain).toEqual(
      new control.RegisterWorkerT(
        'worker-1',
        '127.0.0.1',
        27100,
        4,
        2048,
        'http://127.0.0.1:27101',
        [],
        [`spark-${version}`, `spark-${version}-driver`],
        null,
        'Worker',
      ),
    )
    const { resources } = registerWorkerOf(incoming(release, 'RegisterWorker', '-gpu'), version)
    expect(resources).toEqual([new control.ResourceT('gpu', ['0', '1'])])
  })

  test('M18: one that does not listen can not be called', () => {
    const registration = incoming(release, 'RegisterWorker')
    const mute = { ...registration, worker: { name: 'Worker', address: null } }
    expect(registerWorkerOf(mute, version).endpoint).toBeNull()
  })

  test('M8 to M10: all that it runs, for a new leader', () => {
    const state = sent(schedulerStateOf(incoming(release, 'WorkerSchedulerStateResponse')))
    expect(state.workerId).toBe('worker-1')
    expect(state.executors).toEqual([
      new control.WorkerExecutorStateResponseT(
        new control.ExecutorDescriptionT('app-1', 0, 0, 2, 1024, control.ExecutorState.RUNNING),
      ),
    ])
    expect(state.drivers).toEqual([
      new control.WorkerDriverStateResponseT('driver-1', [
        new control.ResourceT('gpu', ['0', '1']),
      ]),
    ])
  })

  test('M7: what it runs; M9 to M12: what became of it', () => {
    const { executors, driverIds } = sent(
      workerLatestStateOf(incoming(release, 'WorkerLatestState')),
    )
    expect(driverIds).toEqual(['driver-1'])
    expect(executors).toEqual([new control.ExecutorDescriptionT('app-1', 0, 0, 2, 1024, 1)])
    const running = executorStateAsk(incoming(release, 'ExecutorStateChanged', '-running'))
    expect(sent(running.body(7))).toEqual(
      new control.ExecutorStateChangedT(7, 'app-1', 0, control.ExecutorState.RUNNING, null, null),
    )
    const exited = executorStateAsk(incoming(release, 'ExecutorStateChanged', '-exited'))
    expect(exited.body(8)).toMatchObject({ state: control.ExecutorState.EXITED, exitStatus: 0 })
    const changed = sent(driverStateChangedOf(incoming(release, 'DriverStateChanged')))
    expect(changed).toEqual(
      new control.DriverStateChangedT('driver-1', control.DriverState.FINISHED, null),
    )
    const failed = driverStateChangedOf(incoming(release, 'DriverStateChanged', '-error'))
    expect(failed.exception).toBe('java.io.IOException: boom')
    const recovered = incoming(release, 'WorkerSchedulerStateResponse')
    expect(recovered.executors[0]!.description).toMatchObject({ appId: 'app-1', execId: 0 })
    expect(recovered.drivers[0]).toMatchObject({ driverId: 'driver-1' })
  })

  test.each([
    ['M2', 'RegisteredWorker', new control.WorkerRegisteredT(url, 'http://127.0.0.1:27080')],
    ['M3', 'RegisterWorkerFailed', new control.RegisterWorkerFailedT('no')],
    ['M4', 'MasterInStandby', new control.MasterInStandbyT()],
    ['M6', 'ReconnectWorker', new control.ReconnectWorkerT(url)],
    ['M14', 'KillExecutor', new control.KillExecutorT(url, 'app-1', 0)],
    ['M16', 'KillDriver', new control.KillDriverT('driver-1')],
    ['M17', 'ApplicationFinished', new control.ApplicationFinishedT('app-1')],
    ['M19', 'DecommissionWorker', new control.DecommissionWorkerT()],
  ])('%s: %s in its own version', (_id, kind, body) => {
    const message = toWorker(sent(body), context)!
    expect(message.kind).toBe(kind)
    const written = new PeerDialect(version).encode(message)
    expectSameMeaning(kind, written, sample(release, `msg/${kind}`))
  })

  test.each([
    ['', []],
    ['-gpu', [new control.ResourceT('gpu', ['0', '1'])]],
  ])('M13: an executor%s, the application as its driver wrote it', (variant, resources) => {
    const name = `msg/LaunchExecutor${variant}`
    const description = subtree(release, name, 'appDesc')
    const launch = new control.LaunchExecutorT(url, 'app-1', 0, 0, 2, 1024, resources)
    launch.application = someApplication
    launch.sparkDescription = description
    const written = new PeerDialect(version).encode(toWorker(sent(launch), context)!)
    expectSameMeaning('LaunchExecutor', written, sample(release, name))
  })

  test('M15: a driver as its client wrote it, and the same one out of its fields', () => {
    const bytes = sample(release, 'msg/LaunchDriver')
    const withTree = driverFields()
    withTree.sparkDescription = subtree(release, 'msg/LaunchDriver', 'driverDesc')
    for (const description of [withTree, driverFields()]) {
      const launch = new control.LaunchDriverT('driver-1', encodeDriver(description))
      const message = toWorker(sent(launch), { ...context, version })!
      const written = new PeerDialect(version).encode(message)
      expectSameMeaning('LaunchDriver', written, bytes)
    }
  })
})

describe.each(RELEASES)('a client of %s', (release) => {
  const version = versionOf(release)!

  function asked(kind: IncomingMessage['kind']) {
    const message = decodeMessage(sample(release, `msg/${kind}`))
    const ask = askOf(message, [version])!
    return { body: sent(ask.body(3)), answers: ask.answers }
  }

  function expectAnswer(name: string, message: OutgoingMessage | null): void {
    const written = new PeerDialect(version).encode(message!)
    expectSameMeaning(message!.kind, written, sample(release, `msg/${name}`))
  }

  test('M33, M34: submits a driver', () => {
    const { body, answers } = asked('RequestSubmitDriver')
    const driver = decodeDriver((body as control.RequestSubmitDriverT).description)
    const expected = driverFields()
    expected.command!.sparkVersion = version
    expected.runtimes = [`spark-${version}-driver`]
    expected.sparkDescription = subtree(release, 'msg/RequestSubmitDriver', 'driverDescription')
    expect(driver).toEqual(expected)
    const done = answers.answer(new control.ReplyT(3, true, 'submitted', 'driver-1'))
    expect(done).toEqual({
      kind: 'SubmitDriverResponse',
      success: true,
      driverId: 'driver-1',
      message: 'submitted',
    })
    expect(answers.no('why')).toMatchObject({ success: false, driverId: null, message: 'why' })
  })

  test('M35, M37: kills one and asks for it', () => {
    const kill = asked('RequestKillDriver')
    expect(kill.body).toEqual(new control.RequestKillDriverT(3, 'driver-1'))
    expect(kill.answers.no('why')).toEqual({
      kind: 'KillDriverResponse',
      driverId: 'driver-1',
      success: false,
      message: 'why',
    })
    const status = asked('RequestDriverStatus')
    expect(status.body).toEqual(new control.RequestDriverStatusT(3, 'driver-1'))
    const unknown = status.answers.answer(new control.DriverStatusResponseT(3, false))
    expectAnswer('DriverStatusResponse-unknown', unknown)
    const failed = new control.DriverStatusResponseT(3, false)
    failed.exception = 'java.io.IOException: boom'
    expectAnswer('DriverStatusResponse-exc', status.answers.answer(failed))
    expect(status.answers.no('why')).toMatchObject({ found: false, exceptionMessage: 'why' })
  })

  test('M41: workers are told to leave, by host; the answer is how many', () => {
    const { body, answers } = asked('DecommissionWorkersOnHosts')
    expect(body).toEqual(new control.DecommissionWorkersOnHostsT(3, ['127.0.0.1']))
    const two = answers.answer(new control.ReplyT(3, true, null, null, 2))
    expect(two).toEqual({ kind: 'IntegerReply', value: 2 })
  })

  test.skipIf(version === '3.5')('M36, M38: what came with 4.0', () => {
    const all = asked('RequestKillAllDrivers')
    expect(all.body).toEqual(new control.RequestKillAllDriversT(3))
    const killed = all.answers.answer(new control.ReplyT(3, true, 'ok'))
    expect(killed).toEqual({ kind: 'KillAllDriversResponse', success: true, message: 'ok' })
    expectAnswer('KillAllDriversResponse', killed)
    expect(all.answers.no('why')).toMatchObject({ success: false, message: 'why' })
    const clear = asked('RequestClearCompletedDriversAndApps')
    expect(clear.body).toEqual(new control.RequestClearCompletedDriversAndAppsT(3))
    const ready = asked('RequestReadyz')
    expect(ready.body).toEqual(new control.RequestReadyzT(3))
    for (const value of [true, false]) {
      const answer = ready.answers.answer(new control.ReplyT(3, value))
      expect(answer).toEqual({ kind: 'BooleanReply', value })
    }
  })
})

const someWorker = incoming('4.3.0', 'RegisterWorker')
const someSubmission = incoming('4.3.0', 'RequestSubmitDriver')
const clients4 = ['4.0', '4.1', '4.2', '4.3'] as const

function submission(memoryMb: number, ...javaOpts: string[]): IncomingMessage {
  const { driverDescription } = someSubmission
  const command = { ...driverDescription.command, javaOpts }
  return { ...someSubmission, driverDescription: { ...driverDescription, memoryMb, command } }
}

function runtimesFor(...javaOpts: string[]): string[] {
  const body = askOf(submission(512, ...javaOpts), clients4)!.body(
    1,
  ) as control.RequestSubmitDriverT
  return decodeDriver(body.description).runtimes
}

test('which workers may host a driver: all its client may be of, less what its options tell', () => {
  expect(runtimesFor()).toEqual(clients4.map((version) => `spark-${version}-driver`))
  expect(runtimesFor('-Dspark.magneto.sparkVersion=4.3.0')).toEqual(['spark-4.3-driver'])
  expect(runtimesFor('-Dspark.magneto.sparkVersion=4.1')).toEqual(['spark-4.1-driver'])
  expect(runtimesFor('--sun-misc-unsafe-memory-access=allow')).toEqual([
    'spark-4.2-driver',
    'spark-4.3-driver',
  ])
  for (const wrong of ['3.5', '4.9', 'x'])
    expect(() => runtimesFor(`-Dspark.magneto.sparkVersion=${wrong}`)).toThrow(
      `spark.magneto.sparkVersion is ${wrong}; this client's messages are of Spark 4.0, 4.1, 4.2, 4.3`,
    )
})

test('a driver without memory is refused: --memory 512 of the legacy client means bytes', () => {
  const ask = askOf(submission(0), clients4)!
  expect(() => ask.body(1)).toThrow(/0 MiB of memory.*--memory takes a unit, such as 512m/)
})

test.each([
  [
    'cores',
    () => registerWorkerOf({ ...someWorker, cores: -1 }, '4.3'),
    'cores of the worker is -1',
  ],
  ['port', () => registerWorkerOf({ ...someWorker, port: 65_536 }, '4.3'), 'port of the worker is'],
  ['memory', () => askOf(submission(-5), clients4)!.body(1), 'memory of the driver is -5'],
])('a %s that makes no sense is refused by name', (_what, translate, reason) => {
  expect(translate).toThrow(TranslationError)
  expect(translate).toThrow(reason)
})

test('M15: a driver whose client has other classes than the worker is written anew', () => {
  const captured = capture('d-cluster-submit-4.0.1').find(
    ({ message }) => message?.endsWith('RequestSubmitDriver') === true,
  )!
  const root = objectOf(readJavaStream(captured.bytes).root)
  const description = driverFields()
  description.sparkDescription = new Uint8Array(
    writeJavaStream(objectOf(fieldOf(root, 'driverDescription'))),
  )
  const launch = new control.LaunchDriverT('driver-1', encodeDriver(description))
  const jarFor = (version: SparkVersion): unknown => {
    const message = toWorker(launch, { ...context, version }) as LaunchDriver
    const { driverDescription } = message
    if (!(driverDescription instanceof Uint8Array)) return driverDescription.jarUrl
    const written = objectOf(readJavaStream(driverDescription).root)
    return (fieldOf(written, 'jarUrl') as JavaString).value
  }
  expect(jarFor('4.0')).toMatch(/^file:\/\/\/opt\/app\//)
  // The list of its Java options is of a class that came with another Scala.
  expect(jarFor('4.1')).toBe('file:/tmp/a.jar')
})

test('K1: of a description that is too large to be kept, the core gets the fields only', () => {
  const largest = new Uint8Array(MAX_DESCRIPTION_BYTES)
  expect(keptDescription(largest)).toBe(largest)
  expect(keptDescription(new Uint8Array(MAX_DESCRIPTION_BYTES + 1)).byteLength).toBe(0)
})

test('an executor of an application that is too large for Apache Workers is refused', () => {
  const launch = new control.LaunchExecutorT(url, 'app-1', 0)
  launch.application = someApplication
  expect(() => toWorker(launch, context)).toThrow(/too large for Apache Workers/)
})

test("P30: an Apache Worker gets the driver's id where its name belongs", () => {
  const description = driverFields()
  description.command!.args.splice(2, 2, SPARK_SUBMIT, '10')
  description.command = namedByDriverId(description.command!)
  const order = new control.LaunchDriverT('driver-7', encodeDriver(description))
  const { driverDescription } = toWorker(sent(order), context) as LaunchDriver
  expect(driverDescription).toMatchObject({
    command: {
      arguments: [
        '{{WORKER_URL}}',
        '{{USER_JAR}}',
        SPARK_SUBMIT,
        '-c',
        'spark.app.name=driver-7',
        '10',
      ],
      javaOpts: ['-Dspark.app.name=driver-7'],
    },
  })
})
