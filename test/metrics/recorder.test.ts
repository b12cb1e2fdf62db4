/** What the master's main thread counts, from the bytes of real messages and of strangers. */
import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { encode } from '../../src/control/codec.js'
import { BatchWriter, InboxKind, SessionSource, sessionOf } from '../../src/control/records.js'
import { Figures } from '../../src/metrics/figures.js'
import { KeyedTimes } from '../../src/metrics/keyed-times.js'
import { MASTER_FAMILIES } from '../../src/metrics/master-families.js'
import { MasterRecorder } from '../../src/metrics/master-recorder.js'
import { MessagePeek } from '../../src/metrics/message-peek.js'
import { prometheusText } from '../../src/metrics/exposition.js'
import * as schema from '../../src/schema/magneto.js'
import { Clock } from '../../src/master/clock.js'
import { Intake } from '../../src/master/intake.js'
import { Loop } from '../../src/master/loop.js'
import { readPrometheus, valuesOf } from './prometheus-text.js'

const HEARTBEAT_MS = 15_000
const recorders: MasterRecorder[] = []

afterEach(() => {
  vi.useRealTimers()
  for (const recorder of recorders.splice(0)) recorder.stop()
})

function start() {
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] })
  // A clock that stands at 0 has not been started.
  vi.advanceTimersByTime(1)
  const recorder = new MasterRecorder(HEARTBEAT_MS)
  recorders.push(recorder)
  recorder.arrives()
  /** Time goes by, and another batch begins. */
  const later = (ms: number): void => {
    vi.advanceTimersByTime(ms)
    recorder.arrives()
  }
  const values = (): Record<string, number> => {
    const text = prometheusText(new Figures(MASTER_FAMILIES, recorder.buffer).samples())
    return valuesOf(readPrometheus(text, 'prometheus'))
  }
  return { recorder, values, later }
}

const worker = sessionOf(SessionSource.CONTROL, 1)
const apache = sessionOf(SessionSource.GATEWAY, 1)
const launch = (appId: string, executorId: number): Uint8Array =>
  encode(
    new schema.LaunchExecutorT('spark://m:1', appId, executorId, 0, 1, 1024, [], new Uint8Array(4)),
  )
const changed = (appId: string, executorId: number, state: schema.ExecutorState): Uint8Array =>
  encode(new schema.ExecutorStateChangedT(1, appId, executorId, state, null, null))

test('launch latency: from the order to RUNNING, of each executor that is followed by itself', () => {
  const { recorder, values, later } = start()
  const { RUNNING, FAILED } = schema.ExecutorState
  recorder.sent(worker, launch('app-1', 0))
  recorder.sent(apache, launch('app-1', 16))
  recorder.sent(worker, launch('app-2', 0))
  recorder.sent(worker, launch('app-2', 1))
  later(2_000)
  recorder.received(InboxKind.MESSAGE, worker, changed('app-2', 1, RUNNING))
  recorder.received(InboxKind.MESSAGE, worker, changed('app-1', 0, RUNNING))
  // Told again after a change of masters, and one that never ran: neither is a launch.
  recorder.received(InboxKind.MESSAGE, worker, changed('app-1', 0, RUNNING))
  recorder.received(InboxKind.MESSAGE, worker, changed('app-2', 0, FAILED))
  recorder.received(InboxKind.MESSAGE, worker, changed('app-2', 0, RUNNING))
  later(1_000)
  recorder.received(InboxKind.MESSAGE, apache, changed('app-1', 16, RUNNING))
  expect(values()).toMatchObject({
    magneto_executor_launches_total: 4,
    magneto_executor_launch_seconds_count: 2,
    magneto_executor_launch_seconds_sum: 5,
    'magneto_executor_launch_seconds_bucket{le="2.5"}': 1,
    'magneto_messages_sent_total{source="gateway"}': 1,
    'magneto_messages_received_total{source="control"}': 5,
  })
  recorder.sent(worker, launch('app-1', 32))
  recorder.newCore()
  recorder.received(InboxKind.MESSAGE, worker, changed('app-1', 32, RUNNING))
  expect(values()).toMatchObject({ magneto_executor_launch_seconds_count: 2 })
})

test('heartbeats: how many, and how much later than asked for, of each worker by itself', () => {
  const { recorder, values, later } = start()
  const message = encode(new schema.WorkerHeartbeatT('any'))
  const beat = (session: number): void => recorder.received(InboxKind.MESSAGE, session, message)
  beat(worker)
  later(1_000)
  beat(apache)
  later(HEARTBEAT_MS - 1_000)
  beat(worker)
  later(5_000)
  beat(apache)
  expect(values()).toMatchObject({
    magneto_heartbeats_total: 4,
    magneto_heartbeat_lateness_seconds_count: 2,
    magneto_heartbeat_lateness_seconds_sum: 4,
    'magneto_heartbeat_lateness_seconds_bucket{le="0.001"}': 1,
  })
})

test('sessions and messages of each source, also those that come as a batch through the intake', () => {
  const { recorder, values } = start()
  const intake = new Intake({ close: () => {}, metrics: recorder })
  intake.setReign({ waitingBytes: 0, add: () => {}, addBatch: () => {} })
  const batch = new BatchWriter()
  batch.add(InboxKind.CONNECTED, apache, '10.0.0.1')
  batch.add(InboxKind.MESSAGE, apache, encode(new schema.WorkerHeartbeatT('worker-1')))
  batch.add(InboxKind.MESSAGE, apache, encode(new schema.WorkerHeartbeatT('worker-1')))
  intake.batch(batch.view(), [])
  intake.connected(worker, '10.0.0.2')
  intake.message(worker, encode(new schema.WorkerHeartbeatT('worker-2')))
  intake.disconnected(worker, 'gone')
  expect(values()).toMatchObject({
    magneto_heartbeats_total: 3,
    'magneto_sessions_opened_total{source="gateway"}': 1,
    'magneto_sessions_opened_total{source="control"}': 1,
    'magneto_sessions_closed_total{source="control"}': 1,
    'magneto_sessions_closed_total{source="gateway"}': 0,
    'magneto_messages_received_total{source="gateway"}': 2,
    'magneto_messages_received_total{source="web"}': 0,
  })
})

test('scheduling latency: from the first input of a batch until its effects are handed over', () => {
  const { recorder, values } = start()
  let again = true
  const loop = new Loop({
    core: {
      step: () => {
        vi.advanceTimersByTime(2)
        return new Uint8Array()
      },
      view: () => new Uint8Array(),
      changes: () => new Uint8Array(),
      explain: () => new Uint8Array(),
      check: () => {},
    },
    clock: new Clock(),
    // What effects bring about belongs to the next batch.
    run: () => {
      vi.advanceTimersByTime(3)
      if (again) loop.add(InboxKind.STORED, 0, '', 1)
      again = false
    },
    onBroken: (error) => {
      throw error
    },
    metrics: recorder,
  })
  loop.add(InboxKind.TIMER, 0)
  vi.advanceTimersByTime(10)
  loop.add(InboxKind.TIMER, 0)
  loop.flush()
  expect(values()).toMatchObject({
    magneto_scheduling_latency_seconds_count: 1,
    magneto_scheduling_latency_seconds_sum: expect.closeTo(0.015),
  })
  vi.advanceTimersByTime(1)
  loop.flush()
  expect(values()).toMatchObject({
    magneto_scheduling_latency_seconds_count: 2,
    magneto_scheduling_latency_seconds_sum: expect.closeTo(0.021),
  })
  loop.end()
})

test('commits and their failures', () => {
  const { recorder, values } = start()
  recorder.committed(3, 2)
  recorder.committed(1, 400)
  recorder.failed()
  expect(values()).toMatchObject({
    magneto_store_commit_seconds_count: 2,
    'magneto_store_commit_seconds_bucket{le="0.0025"}': 1,
    magneto_store_records_total: 4,
    magneto_store_failures_total: 1,
  })
})

test('the delay of the event loop: how late a timer comes', () => {
  const { recorder, values } = start()
  vi.advanceTimersByTime(1_000)
  expect(values()).toMatchObject({
    magneto_event_loop_delay_seconds_count: 4,
    magneto_event_loop_delay_seconds_sum: 0,
  })
  recorder.stop()
  vi.advanceTimersByTime(1_000)
  expect(values()).toMatchObject({ magneto_event_loop_delay_seconds_count: 4 })
})

test('bytes of strangers are read as what they are not, and never throw', () => {
  const { recorder } = start()
  const real = launch('app-1', 0)
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(real.length - 1), fc.nat(255)), { maxLength: 8 }),
      fc.nat(real.length),
      (changes, length) => {
        const bytes = real.slice(0, length)
        for (const [at, value] of changes) bytes[at] = value
        recorder.received(InboxKind.MESSAGE, worker, bytes)
        recorder.sent(worker, bytes)
      },
    ),
  )
})

test('a peek tells the kind of every message', () => {
  const peek = new MessagePeek()
  const bodies = [
    new schema.WorkerHeartbeatT('w'),
    new schema.ReconnectWorkerT('spark://m:1'),
    new schema.ReplyT(1, true, 'x'),
  ]
  const kinds = [schema.Body.WorkerHeartbeat, schema.Body.ReconnectWorker, schema.Body.Reply]
  for (const [at, body] of bodies.entries()) {
    peek.look(encode(body))
    expect(peek.kind).toBe(kinds[at])
  }
  const padded = new Uint8Array(64)
  padded.set(encode(bodies[0]!).slice(0, 56), 8)
  peek.look(padded, 8)
  expect(peek.kind).toBe(schema.Body.WorkerHeartbeat)
})

test('times by key: of a fixed size, where the oldest give way', () => {
  const times = new KeyedTimes()
  expect(times.replace(7, 100)).toBe(0)
  expect(times.replace(7, 200)).toBe(100)
  expect(times.take(7)).toBe(200)
  expect(times.take(7)).toBe(0)
  // Nine of one place, which has room for eight.
  const keys = Array.from({ length: 9 }, (_, index) => 5 + index * 2 ** 16)
  for (const [index, key] of keys.entries()) times.replace(key, index + 1)
  expect(keys.map((key) => times.take(key))).toEqual([0, 2, 3, 4, 5, 6, 7, 8, 9])
})
