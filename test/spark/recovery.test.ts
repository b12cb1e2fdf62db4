/**
 * A new leader and the Spark processes of the one before (M18): whom it calls and what it says, byte for byte as Apache's
 * Master did; what comes back (M8, M29); and what is left of a mandate when it ends (S9).
 */
import { afterEach, describe, expect, test, vi } from 'vitest'

import { encodeApplication } from '../../src/control/codec.js'
import { InboxKind } from '../../src/control/records.js'
import * as control from '../../src/schema/magneto.js'
import { encodeOneWay, encodeRpcRequest } from '../../src/spark/frame.js'
import { DIALS_AT_ONCE_MAX } from '../../src/spark/master-calls.js'
import { SPARK_VERSIONS } from '../../src/spark/messages.js'
import { recoveredPeer } from '../../src/spark/recovered-peer.js'
import { decodeRequest } from '../../src/spark/rpc-request.js'
import { processWarnings } from '../process-warnings.js'
import {
  captured,
  GatewayHarness,
  MASTER_URL,
  WEB_UI_URL,
  type HarnessOptions,
} from './gateway-harness.js'
import { capture, sample } from './golden-vectors.js'
import {
  applicationRecord,
  finished,
  kindOf,
  SparkProcess,
  TO_MASTER,
  workerRecord,
} from './called-process.js'

const processes: SparkProcess[] = []

afterEach(() => {
  vi.useRealTimers()
  for (const process of processes.splice(0)) process.stop()
})

async function sparkProcess(port = 0): Promise<SparkProcess> {
  const process = await SparkProcess.start(port)
  processes.push(process)
  return process
}

const start = (gateway: HarnessOptions['gateway'] = {}) =>
  GatewayHarness.start({ gateway: { workerPausesMs: [0], ...gateway } })

/** A worker of the leader before that has been called. */
async function calledWorker(harness: GatewayHarness) {
  const worker = await sparkProcess()
  harness.gateway.lead([workerRecord('worker-1', worker.port)])
  const call = await worker.calls.next()
  expect((await call.next()).kind).toBe('MasterChanged')
  return { worker, call }
}

/** It has told what it runs, and the core has taken it. */
async function confirmedWorker(harness: GatewayHarness) {
  const { worker, call } = await calledWorker(harness)
  call.say(sample('4.3.0', 'msg/WorkerSchedulerStateResponse'))
  const { session } = await harness.inbox.next()
  await harness.inbox.next()
  harness.send(session, new control.WorkerRegisteredT(MASTER_URL, '', true, 60_000, 3))
  return { worker, call, session }
}

describe.each([
  ['3.5.9', '3.5'],
  ['4.0.1', '4.0'],
  ['4.3.0', '4.3'],
] as const)('Apache %s', (release, version) => {
  const frames = capture(`h-recovery-${release}`)
  const changed = frames.filter(({ message }) => message?.endsWith('MasterChanged'))

  test('M18: a worker and a driver are told as by its own Master', async () => {
    await using harness = await start()
    const [worker, driver] = [await sparkProcess(), await sparkProcess()]
    const application = encodeApplication(
      new control.ApplicationDescriptionT(
        'app',
        'user',
        '',
        null,
        null,
        new control.ResourceProfileT(0, 1, 512),
        control.Command.JvmCommand,
        new control.JvmCommandT('Main'),
        `spark-${version}`,
      ),
    )
    harness.gateway.lead([
      workerRecord('worker-1', worker.port, version),
      applicationRecord('app-1', driver.address, application),
    ])
    for (const [process, endpoint] of [
      [worker, 'Worker'],
      [driver, 'AppClient'],
    ] as const) {
      const call = await process.calls.next()
      const told = await call.next()
      expect(told).toMatchObject({
        kind: 'MasterChanged',
        endpoint,
        // What it takes the end of this connection for.
        sender: { host: '127.0.0.1', port: 27077 },
        receiver: { host: SparkProcess.host, port: process.port },
      })
      const apache = changed.find(({ connection }) =>
        connection.endsWith(endpoint === 'Worker' ? 'worker' : 'driver'),
      )!
      expect(told.stream.toString('hex')).toBe(Buffer.from(apache.bytes).toString('hex'))
    }
    // Nobody has said anything: the core knows of no session.
    expect(harness.inbox.size).toBe(0)
  })

  test('M8, M29: what they answer goes to the core, each on its own session', async () => {
    await using harness = await start()
    const [worker, driver] = [await sparkProcess(), await sparkProcess()]
    harness.gateway.lead([
      workerRecord('worker-1', worker.port, version),
      applicationRecord('app-1', driver.address),
    ])
    const toWorker = await worker.calls.next()
    await toWorker.next()
    toWorker.say(sample(release, 'msg/WorkerSchedulerStateResponse'))
    const connected = await harness.inbox.next()
    expect(connected.kind).toBe(InboxKind.CONNECTED)
    const state = await harness.inbox.next()
    expect(state).toMatchObject({ session: connected.session })
    expect(state.body).toMatchObject({
      workerId: 'worker-1',
      executors: [{ description: { appId: 'app-1', executorId: 0, cores: 2 } }],
      drivers: [{ driverId: 'driver-1' }],
    })
    const toDriver = await driver.calls.next()
    await toDriver.next()
    toDriver.say(sample('4.3.0', 'msg/MasterChangeAcknowledged'))
    expect((await harness.inbox.next()).kind).toBe(InboxKind.CONNECTED)
    const { session, body } = await harness.inbox.next()
    expect(body).toEqual(new control.MasterChangeAcknowledgedT('app-1', []))
    // Apache's Master answers neither of them.
    harness.send(session, new control.ApplicationRegisteredT('app-1', MASTER_URL, 3))
    harness.send(connected.session, new control.WorkerRegisteredT(MASTER_URL, '', true, 60_000, 3))
    harness.send(session, new control.ApplicationRemovedT('KILLED'))
    expect((await toDriver.next()).kind).toBe('ApplicationRemoved')
    harness.send(connected.session, new control.ApplicationFinishedT('app-1'))
    expect((await toWorker.next()).kind).toBe('ApplicationFinished')
    await harness.log.until('all 2 Spark workers and drivers have answered')
  })
})

test('M18: every served version can be told', async () => {
  await using harness = await start()
  const worker = await sparkProcess()
  harness.gateway.lead(SPARK_VERSIONS.map((one) => workerRecord(`worker-${one}`, worker.port, one)))
  for (const _ of SPARK_VERSIONS)
    expect((await (await worker.calls.next()).next()).kind).toBe('MasterChanged')
})

describe('a worker that was called', () => {
  test('M11: reports count from its answer on, not only from the answer of the core', async () => {
    await using harness = await start()
    const { call } = await calledWorker(harness)
    call.say(sample('4.3.0', 'msg/WorkerSchedulerStateResponse'))
    call.ask(sample('4.3.0', 'msg/ExecutorStateChanged-exited'))
    await harness.inbox.next()
    await harness.inbox.next()
    expect((await harness.inbox.next()).body).toBeInstanceOf(control.ExecutorStateChangedT)
  })

  test('M6: one whom the core does not know has to register', async () => {
    await using harness = await start()
    const { call } = await calledWorker(harness)
    call.say(sample('4.3.0', 'msg/WorkerSchedulerStateResponse'))
    const { session } = await harness.inbox.next()
    harness.send(session, new control.ReconnectWorkerT(MASTER_URL))
    expect((await call.next()).kind).toBe('ReconnectWorker')
    // It registers over a connection of its own, and is asked for nothing again.
    harness.send(session, new control.WorkerRegisteredT(MASTER_URL, '', false))
    expect((await call.next()).kind).toBe('RegisteredWorker')
  })

  test('M5: one that never had RegisteredWorker, which starts heartbeats, has to register', async () => {
    await using harness = await start()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { call } = await confirmedWorker(harness)
    vi.advanceTimersByTime(29_000)
    expect(call.frames.size).toBe(0)
    vi.advanceTimersByTime(2_000)
    expect((await call.next()).kind).toBe('ReconnectWorker')
  })

  test('M5: one that sends heartbeats is let be', async () => {
    await using harness = await start()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { call } = await confirmedWorker(harness)
    call.say(sample('4.3.0', 'msg/Heartbeat'))
    // It waits for others to go with it; waiting for it moves the timers on.
    await expect.poll(() => harness.inbox.size).toBe(1)
    expect((await harness.inbox.next()).body).toBeInstanceOf(control.WorkerHeartbeatT)
    vi.advanceTimersByTime(120_000)
    expect(call.frames.size).toBe(0)
  })

  test('L4: its own connection, when it has registered there before, is left and not closed', async () => {
    await using harness = await start({ apacheWorkerVersion: '4.3' })
    const own = harness.connect()
    // Before it led, this master sent it away.
    const [register] = captured('errors-4.3.0', '02')
    await own.write(register!.bytes)
    const { session: first } = await harness.inbox.next()
    await harness.inbox.next()
    const { call, session } = await confirmedWorker(harness)
    expect(session).not.toBe(first)
    harness.close(first, 'the worker registered again over another connection')
    expect(await harness.inbox.next()).toMatchObject({
      kind: InboxKind.DISCONNECTED,
      session: first,
    })
    harness.send(session, new control.ApplicationFinishedT('app-1'))
    expect((await call.next()).kind).toBe('ApplicationFinished')
    // Its end would be the loss of the master to the worker.
    await own.write(captured('errors-4.3.0', '02')[0]!.bytes)
    expect((await harness.inbox.next()).kind).toBe(InboxKind.CONNECTED)
  })
})

test('M18: a worker of an UNKNOWN record that registers by itself is told on that connection', async () => {
  await using harness = await start({ apacheWorkerVersion: '4.3' })
  const peer = harness.connect()
  const [register] = captured('errors-4.3.0', '02')
  await peer.write(register!.bytes)
  const { session } = await harness.inbox.next()
  await harness.inbox.next()
  harness.send(
    session,
    new control.WorkerRegisteredT(MASTER_URL, WEB_UI_URL, true, 60_000, 3),
    new control.MasterChangedT(MASTER_URL, WEB_UI_URL, 3),
  )
  const kinds: string[] = []
  for (const frame of [await peer.frames.next(), await peer.frames.next()])
    kinds.push(kindOf(decodeRequest((frame as { body: Buffer }).body).stream))
  expect(kinds).toEqual(['RegisteredWorker', 'MasterChanged'])
  await peer.write(encodeOneWay(TO_MASTER, sample('4.3.0', 'msg/WorkerSchedulerStateResponse')))
  const { body } = await harness.inbox.next()
  expect(body).toBeInstanceOf(control.WorkerSchedulerStateResponseT)
})

test('M29: a driver that has no id yet is not taken for another one', async () => {
  await using harness = await start()
  const driver = await sparkProcess()
  harness.gateway.lead([applicationRecord('app-1', driver.address)])
  const call = await driver.calls.next()
  await call.next()
  const whole = Buffer.from(sample('4.3.0', 'msg/MasterChangeAcknowledged'))
  const text = whole.indexOf(Buffer.from([0x74, 0, 5, ...Buffer.from('app-1')]))
  call.say(Buffer.concat([whole.subarray(0, text), Buffer.from([0x70])]))
  await harness.log.until('a driver that has no id yet')
  expect(harness.inbox.size).toBe(0)
})

describe('calls', () => {
  test('M18: whoever is not there yet is called again until it answers', async () => {
    await using harness = await start()
    const first = await sparkProcess()
    const { port } = first
    first.stop()
    harness.gateway.lead([workerRecord('worker-1', port)])
    await harness.log.until("can't be told who leads: connect ECONNREFUSED")
    const worker = await sparkProcess(port)
    const call = await worker.calls.next()
    expect((await call.next()).kind).toBe('MasterChanged')
    // It lost the connection before it answered.
    call.socket.destroy()
    const again = await worker.calls.next()
    await again.next()
    again.say(sample('4.3.0', 'msg/WorkerSchedulerStateResponse'))
    await harness.log.until('all 1 Spark workers and drivers have answered')
    again.socket.destroy()
    await harness.log.until('connection ended')
    expect(worker.calls.size).toBe(0)
  })

  test('M18: a port that somebody else has now costs nothing but its connection', async () => {
    await using harness = await start()
    const other = await sparkProcess()
    harness.gateway.lead([workerRecord('worker-1', other.port)])
    const call = await other.calls.next()
    await call.next()
    call.socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')
    await call.closed
    await harness.log.until("can't be told who leads: a frame claims")
    const again = await other.calls.next()
    await again.next()
    // A driver that has another application: the core decides what is to become of it.
    again.say(sample('4.3.0', 'msg/MasterChangeAcknowledged'))
    await harness.log.until('MasterChangeAcknowledged: this master did not ask for it')
    expect(harness.inbox.size).toBe(0)
  })

  test('M18: one that registers by itself is not called any more', async () => {
    await using harness = await start({ apacheWorkerVersion: '4.3' })
    const gone = await sparkProcess()
    gone.stop()
    harness.gateway.lead([workerRecord('worker-1', gone.port)])
    await harness.log.until("can't be told who leads")
    await harness.connect().write(captured('errors-4.3.0', '02')[0]!.bytes)
    await harness.log.until('all 1 Spark workers and drivers have answered')
  })

  test('T7: those that do not answer in time are named, and called no more', async () => {
    await using harness = await start({ callForMs: 300 })
    const [silent, gone] = [await sparkProcess(), await sparkProcess()]
    gone.stop()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    harness.gateway.lead([
      workerRecord('worker-1', silent.port),
      applicationRecord('app-1', gone.address),
    ])
    await harness.log.until("can't be told who leads: connect ECONNREFUSED")
    const call = await silent.calls.next()
    await call.next()
    vi.advanceTimersByTime(300)
    const line = await harness.log.until('are called no more')
    expect(line).toMatch(/2 of 2 .* in 0\.3 s .*"worker-1" at .* \(no answer\)/)
    expect(line).toContain(`application "app-1" at ${gone.address} (connect ECONNREFUSED`)
    // Should it wake up, it is answered.
    call.say(sample('4.3.0', 'msg/WorkerSchedulerStateResponse'))
    expect((await harness.inbox.next()).kind).toBe(InboxKind.CONNECTED)
    expect(call.isClosed).toBe(false)
  })

  test('M18, S9: nobody is told by a master that is not sure any more', async () => {
    await using harness = await start()
    const gone = await sparkProcess()
    const { port } = gone
    gone.stop()
    harness.gateway.lead([workerRecord('worker-1', port)])
    await harness.log.until("can't be told who leads: connect ECONNREFUSED")
    // Suspended from here on.
    harness.isCertain = false
    const worker = await sparkProcess(port)
    const call = await worker.calls.next()
    await expect.poll(() => harness.ownAsks).toBe(1)
    expect(call.frames.size).toBe(0)
    harness.gateway.stepDown('deposed')
    await call.closed
    expect(call.frames.size).toBe(0)
  })

  test('M18: thousands are called, a bounded number at once', async () => {
    const many = DIALS_AT_ONCE_MAX * 3
    let open = 0
    let most = 0
    const dialled: (() => void)[] = []
    const warnings = processWarnings()
    await using harness = await GatewayHarness.start({
      dial: async (_address, { signal }) => {
        open++
        most = Math.max(most, open)
        await new Promise<void>((resolve) => {
          const settle = (): void => {
            signal.removeEventListener('abort', settle)
            resolve()
          }
          dialled.push(settle)
          signal.addEventListener('abort', settle)
        })
        open--
        throw new Error('not reached in time')
      },
    })
    harness.gateway.lead(
      Array.from({ length: many }, (_, index) => workerRecord(`worker-${index}`, 7000)),
    )
    for (let done = 0; done < many; done++) {
      await expect.poll(() => dialled.length).toBeGreaterThan(done)
      dialled[done]!()
    }
    expect(most).toBe(DIALS_AT_ONCE_MAX)
    expect(await warnings()).toEqual([])
    harness.gateway.stepDown('the test is over')
  })

  test('records that name nobody are told in one line, and cost the others nothing', async () => {
    await using harness = await start()
    const worker = await sparkProcess()
    const driver = finished(
      new control.RecordT(
        'driver_1',
        1,
        control.Value.DriverRecord,
        new control.DriverRecordT('driver-1', Buffer.alloc(8)),
      ),
    )
    harness.gateway.lead([
      driver,
      applicationRecord('app-7', ''),
      new Uint8Array(),
      workerRecord('worker-1', worker.port),
    ])
    await worker.calls.next()
    expect(harness.log.lines.join('\n')).toMatch(/3 records name nobody .*driver_1 is of no worker/)
  })
})

test.each([
  ['127.0.0.1:7', '127.0.0.1', 7],
  ['[::1]:65535', '[::1]', 65_535],
  ['driver.example:4040', 'driver.example', 4040],
])('M18: a driver is found at %s', (address, host, port) => {
  expect(recoveredPeer(applicationRecord('app-1', address)).address).toEqual({ host, port })
})

describe('L1, M4: who has registered with a standby', () => {
  test('is registered as soon as it leads, and not 10 or 20 s later', async () => {
    await using harness = await start({ apacheWorkerVersion: '4.3' })
    const driver = harness.connect()
    const worker = harness.connect()
    const application = captured('client-app-4.3.0').find(
      ({ msg }) => msg === 'RegisterApplication',
    )
    const sessions: number[] = []
    for (const [peer, frame] of [
      [driver, application!],
      [worker, captured('errors-4.3.0', '02')[0]!],
    ] as const) {
      await peer.write(frame.bytes)
      sessions.push((await harness.inbox.next()).session)
      await harness.inbox.next()
      harness.send(sessions.at(-1)!, new control.MasterInStandbyT())
    }
    const told = (await worker.frames.next()) as { body: Buffer }
    expect(kindOf(decodeRequest(told.body).stream)).toBe('MasterInStandby')

    harness.gateway.lead([])
    const [first, second] = [await harness.inbox.next(), await harness.inbox.next()]
    expect(first).toMatchObject({ session: sessions[0], kind: InboxKind.MESSAGE })
    expect(first.body).toBeInstanceOf(control.RegisterApplicationT)
    expect(second).toMatchObject({ session: sessions[1], kind: InboxKind.MESSAGE })
    expect(second.body).toBeInstanceOf(control.RegisterWorkerT)
    harness.send(first.session, new control.ApplicationRegisteredT('app-1', MASTER_URL))
    const answer = (await driver.frames.next()) as { body: Buffer }
    expect(kindOf(decodeRequest(answer.body).stream)).toBe('RegisteredApplication')
    // Once.
    harness.gateway.lead([])
    harness.gateway.flush()
    expect(harness.inbox.size).toBe(0)
  })

  test('a driver that the leader before has registered is called, and is no second application', async () => {
    await using harness = await start()
    const own = harness.connect()
    const application = captured('client-app-4.3.0').find(
      ({ msg }) => msg === 'RegisterApplication',
    )!
    await own.write(application.bytes)
    const { session } = await harness.inbox.next()
    const registration = (await harness.inbox.next()).body as control.RegisterApplicationT
    harness.send(session, new control.MasterInStandbyT())
    harness.gateway.lead([applicationRecord('app-1', registration.driverAddress!)])
    harness.gateway.flush()
    expect(harness.inbox.size).toBe(0)
    harness.gateway.close()
  })

  test('a worker is called where a record has it, and registers with nobody', async () => {
    await using harness = await start({ apacheWorkerVersion: '4.3' })
    const own = harness.connect()
    await own.write(captured('errors-4.3.0', '02')[0]!.bytes)
    const { session } = await harness.inbox.next()
    await harness.inbox.next()
    harness.send(session, new control.MasterInStandbyT())
    const { call } = await calledWorker(harness)
    call.say(sample('4.3.0', 'msg/WorkerSchedulerStateResponse'))
    expect((await harness.inbox.next()).kind).toBe(InboxKind.CONNECTED)
    expect((await harness.inbox.next()).body).toBeInstanceOf(control.WorkerSchedulerStateResponseT)
  })
})

describe('S9: the end of a mandate', () => {
  test('ends every session and its connection; asks are answered; the next mandate calls anew', async () => {
    await using harness = await start()
    const { worker, call } = await confirmedWorker(harness)
    const client = harness.connect()
    await client.write(encodeRpcRequest(5n, TO_MASTER, sample('4.3.0', 'msg/RequestKillDriver')))
    const { session } = await harness.inbox.next()
    await harness.inbox.next()
    const http = harness.gateway.ask((id) => new control.RequestReadyzT(id))
    const refused = expect(http).rejects.toThrow(/^stepped down: the store is gone.* is open/)
    expect((await harness.inbox.next()).kind).toBe(InboxKind.CONNECTED)
    await harness.inbox.next()

    harness.gateway.stepDown('stepped down: the store is gone')
    await Promise.all([call.closed, client.closed, refused])
    const answer = await client.frames.next()
    expect((answer as { body: Buffer }).body.toString('latin1')).toContain(
      'stepped down: the store is gone',
    )
    const ends = [harness.inbox.next(), harness.inbox.next(), harness.inbox.next()]
    for (const { kind } of await Promise.all(ends)) expect(kind).toBe(InboxKind.DISCONNECTED)
    // What the core before still had for them reaches nobody.
    harness.send(session, new control.ReplyT(1, true))

    harness.gateway.lead([workerRecord('worker-1', worker.port)])
    const again = await worker.calls.next()
    expect((await again.next()).kind).toBe('MasterChanged')
    again.say(sample('4.3.0', 'msg/WorkerSchedulerStateResponse'))
    const connected = await harness.inbox.next()
    expect(connected.kind).toBe(InboxKind.CONNECTED)
    expect(connected.session).toBeGreaterThan(session)
  })

  test('ends the calls too', async () => {
    await using harness = await start()
    const gone = await sparkProcess()
    const { port } = gone
    gone.stop()
    harness.gateway.lead([workerRecord('worker-1', port)])
    await harness.log.until("can't be told who leads")
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    harness.gateway.stepDown('deposed')
    expect(vi.getTimerCount()).toBe(0)
  })
})

test('L7, R14: a standby says where the leader is, after the words that clients match', async () => {
  await using harness = await start()
  harness.gateway.follow('spark://leader:7077')
  const client = harness.connect()
  await client.write(encodeRpcRequest(5n, TO_MASTER, sample('4.3.0', 'msg/RequestKillDriver')))
  const { session } = await harness.inbox.next()
  const { body } = await harness.inbox.next()
  const text = 'Current state is not alive: STANDBY. Can only kill drivers in ALIVE state.'
  harness.send(
    session,
    new control.ReplyT((body as control.RequestKillDriverT).requestId, false, text),
  )
  const answer = (await client.frames.next()) as { body: Buffer }
  expect(answer.body.toString('latin1')).toContain(`${text} The leader is spark://leader:7077.`)
})
