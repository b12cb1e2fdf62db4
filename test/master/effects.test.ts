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
let attachments: (Uint8Array | null)[]
let flushes: number
let onSend: () => void

function effects(maxHeldBytes = 1000): Effects {
  const sink = {
    send: (session: number, bytes: Uint8Array, attachment: Uint8Array | null) => {
      did.push(`send ${session} ${text.decode(bytes)}`)
      attachments.push(attachment)
      onSend()
    },
    close: (session: number, reason: string) => void did.push(`close ${session} ${reason}`),
    flush: () => void (flushes += 1),
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
  attachments = []
  flushes = 0
  onSend = () => {}
})

const { SEND, CLOSE, PERSIST, FORGET, SET_TIMER, NOTICE, ATTACHMENT } = OutboxKind

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

  test('A12: leave in the order in which they were decided, whatever of it the store had first', () => {
    const held = effects()
    held.run(batch([SEND, a, 'a1', 5], [SEND, b, 'b1', 3], [SEND, b, 'b2', 5], [SEND, a, 'a2']))
    held.run(batch([SEND, b, 'b3'], [SEND, a, 'a3', 7]))
    held.stored(2)
    expect(did).toEqual([])
    held.stored(6)
    const words = did.map((line) => line.split(' ')[2])
    expect(words).toEqual(['b1', 'a1', 'b2', 'a2', 'b3'])
    held.stored(7)
    expect(did.at(-1)).toBe(`send ${a} a3`)
    expect(held.heldBytes).toBe(0)
  })

  test('of a session that ends while they leave are forgotten, the others leave', () => {
    const held = effects()
    held.run(batch([SEND, a, '1', 5], [SEND, b, '2', 5], [SEND, a, '3', 5], [SEND, b, '4', 5]))
    onSend = () => held.forget(b)
    held.stored(5)
    expect(did).toEqual([`send ${a} 1`, `send ${a} 3`])
    expect(held.heldBytes).toBe(0)
  })

  test('much that was held leaves bit by bit', () => {
    const held = effects(2 ** 20)
    const many = new BatchWriter()
    for (let at = 0; at < 100; at += 1) many.add(SEND, a, 'x'.repeat(1024), 5)
    held.run(many.take())
    const before = flushes
    held.stored(5)
    expect(did).toHaveLength(100)
    // Three sinks each time: three times 32 KiB, and the rest.
    expect(flushes - before).toBe(3 * 4)
  })

  test('what is attached goes with each that it belongs to, also later', () => {
    const held = effects()
    const outbox = new BatchWriter()
    outbox.add(ATTACHMENT, 0, 'one')
    outbox.add(SEND, b, '1', 0, true)
    outbox.add(SEND, b, '2')
    outbox.add(SEND, b, '3', 5, true)
    outbox.add(ATTACHMENT, 0, 'two')
    outbox.add(SEND, b, '4', 0, true)
    held.run(outbox.take())
    held.stored(5)
    expect(attachments.map((each) => (each === null ? null : text.decode(each)))).toEqual([
      'one',
      null,
      'one',
      'two',
    ])
    expect(attachments[0]).toBe(attachments[2])
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
