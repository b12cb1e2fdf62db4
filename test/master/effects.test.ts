import { Builder } from 'flatbuffers'
import { beforeEach, describe, expect, test } from 'vitest'
import { BatchWriter, OutboxKind, SessionSource, sessionOf } from '../../src/control/records.js'
import { Effects } from '../../src/master/effects.js'
import {
  Level,
  NoticeT,
  RecordT,
  RegisterWorkerT,
  Value,
  WorkerRecordT,
} from '../../src/schema/magneto.js'
import { recordingLog } from '../control/recorder.js'

const text = new TextDecoder()
const a = sessionOf(SessionSource.CONTROL, 1)
const b = sessionOf(SessionSource.GATEWAY, 1)
let did: string[]
let lines: string[]

function effects(maxHeldBytes = 1000): Effects {
  const sink = {
    send: (session: number, bytes: Uint8Array) =>
      void did.push(`send ${session} ${text.decode(bytes)}`),
    close: (session: number, reason: string) => void did.push(`close ${session} ${reason}`),
    flush: () => {},
  }
  return new Effects({
    log: recordingLog(lines),
    sinks: {
      [SessionSource.CONTROL]: sink,
      [SessionSource.WEB]: sink,
      [SessionSource.GATEWAY]: sink,
    },
    persist: ({ key, record }, sequence) =>
      void did.push(`${record === null ? 'forget' : 'persist'} ${key} ${sequence}`),
    setTimer: (dueMs) => void did.push(`timer ${dueMs}`),
    maxHeldBytes,
  })
}

function batch(...rows: [OutboxKind, number, Uint8Array | string, number?][]): Uint8Array {
  const writer = new BatchWriter()
  for (const [kind, session, payload, argument] of rows)
    writer.add(kind, session, payload, argument)
  return writer.take()
}

function storeRecord(key: string): Uint8Array {
  const builder = new Builder()
  const worker = new WorkerRecordT(new RegisterWorkerT('w', 'h', 1, 1, 1, null, [], ['node']))
  builder.finish(new RecordT(key, 1, Value.WorkerRecord, worker).pack(builder), 'MGS1')
  return builder.asUint8Array()
}

beforeEach(() => {
  did = []
  lines = []
})

const { SEND, CLOSE, PERSIST, FORGET, SET_TIMER, NOTICE } = OutboxKind

describe('effects', () => {
  test('are carried out in order', () => {
    effects().run(
      batch(
        [PERSIST, 0, storeRecord('worker_w'), 1],
        [FORGET, 0, 'app_1', 2],
        [SEND, a, 'x'],
        [SET_TIMER, 0, '', 99],
        [CLOSE, b, 'why'],
      ),
    )
    expect(did).toEqual([
      'persist worker_w 1',
      'forget app_1 2',
      `send ${a} x`,
      'timer 99',
      `close ${b} why`,
    ])
  })

  test('wait for their sequence, and later ones of the same session behind them', () => {
    const held = effects()
    const outbox = batch(
      [SEND, a, '1', 5],
      [SEND, a, '2'],
      [SEND, b, 'free'],
      [SEND, a, '3', 6],
      [CLOSE, a, 'end'],
    )
    held.run(outbox)
    expect(did).toEqual([`send ${b} free`])
    held.stored(4)
    expect(did).toHaveLength(1)
    held.stored(5)
    expect(did.slice(1)).toEqual([`send ${a} 1`, `send ${a} 2`])
    held.stored(6)
    expect(did.slice(3)).toEqual([`send ${a} 3`, `close ${a} end`])
    expect(held.heldBytes).toBe(0)
    held.run(batch([SEND, a, 'later', 6]))
    expect(did.at(-1)).toBe(`send ${a} later`)
  })

  test('of a session that is gone are forgotten', () => {
    const held = effects()
    held.run(batch([SEND, a, 'x', 5]))
    held.forget(a)
    held.stored(5)
    expect(did).toEqual([])
    expect(held.heldBytes).toBe(0)
  })

  test('over the bound cost their session, with a logged reason', () => {
    const held = effects(5)
    held.run(batch([SEND, a, 'four', 5], [SEND, b, 'two', 5]))
    expect(did).toEqual([expect.stringMatching(new RegExp(`^close ${b} over 5 bytes wait`))])
    expect(lines.join('')).toContain('too slow')
    held.stored(5)
    expect(did.at(-1)).toBe(`send ${a} four`)
  })

  test('notices are logged', () => {
    const builder = new Builder()
    builder.finish(new NoticeT(Level.WARN, 'worker-lost', 'w is gone').pack(builder))
    effects().run(batch([NOTICE, 0, builder.asUint8Array()]))
    expect(lines.join('')).toContain('w is gone [worker-lost]')
  })

  test('unknown kinds and broken batches are refused', () => {
    expect(() => effects().run(batch([77 as OutboxKind, a, '']))).toThrow(/unknown kind 77/)
    expect(() => effects().run(new Uint8Array(8))).toThrow(RangeError)
  })
})
