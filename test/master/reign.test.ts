/** One mandate: records in, decisions out when the store has them, and nothing of it while it is in doubt. */
import { ByteBuffer, Builder } from 'flatbuffers'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'

import {
  BatchWriter,
  InboxKind,
  OutboxKind,
  SessionSource,
  records,
  sessionOf,
} from '../../src/control/records.js'
import type { MasterCore } from '../../src/core/native.js'
import { Clock } from '../../src/master/clock.js'
import { CommitFigures } from '../../src/master/commit-figures.js'
import type { SessionSink } from '../../src/master/effects.js'
import { Reign } from '../../src/master/reign.js'
import {
  ApplicationRecordT,
  Leader,
  RecordT,
  RegisterWorkerT,
  Value,
  WorkerRecordT,
} from '../../src/schema/magneto.js'
import type { StoreChange } from '../../src/store/engine.js'
import { recordingLog } from '../control/recorder.js'

const session = sessionOf(SessionSource.CONTROL, 1)
const { PERSIST, FORGET, SEND } = OutboxKind

function pack(record: RecordT): Uint8Array {
  const builder = new Builder()
  builder.finish(record.pack(builder), 'MGS1')
  return builder.asUint8Array().slice()
}

/** @param endpoint null: a worker of ours */
function worker(id: string, endpoint: string | null = null) {
  const registration = new RegisterWorkerT(id, 'h', 1, 1, 1, null, [], ['n'], null, endpoint)
  const value = new WorkerRecordT(registration)
  return {
    key: `worker_${id}`,
    record: pack(new RecordT(`worker_${id}`, 1, Value.WorkerRecord, value)),
  }
}

function application(id: string, endpoint: string | null) {
  const value = new ApplicationRecordT(id, new Uint8Array(8))
  value.endpoint = endpoint
  return {
    key: `app_${id}`,
    record: pack(new RecordT(`app_${id}`, 1, Value.ApplicationRecord, value)),
  }
}

type Effect = [OutboxKind, number, Uint8Array | string, number?]

function setUp(keepsNothing = false) {
  const steps: string[][] = []
  const payloads: Uint8Array[] = []
  const did: string[] = []
  const next: Effect[][] = []
  const broken: string[] = []
  const out = new BatchWriter()
  const core: MasterCore = {
    step: (_now, _offset, inbox) => {
      out.reset()
      steps.push(
        [...records(inbox)].map(({ kind, argument, payload }) => {
          payloads.push(payload.slice())
          return `${InboxKind[kind]}${argument === 0 ? '' : ` ${argument}`}`
        }),
      )
      for (const [kind, of, payload, argument] of next.shift() ?? [])
        out.add(kind, of, payload, argument)
      return out.view()
    },
    view: () => new Uint8Array(),
    changes: () => new Uint8Array(),
    explain: () => new Uint8Array(),
    check: () => {},
  }
  const sink: SessionSink = {
    send: (to, bytes) => void did.push(`send ${to} ${new TextDecoder().decode(bytes)}`),
    close: (of, reason) => void did.push(`close ${of} ${reason}`),
    flush: () => {},
  }
  const commits: { keys: string[]; done(): void; fail(error: Error): void }[] = []
  const doubt = { certain: true }
  const reign = new Reign({
    log: recordingLog(),
    clock: new Clock(),
    core,
    recovery: {
      keepsNothing,
      certain: () => doubt.certain,
      commit: (changes: readonly StoreChange[]) =>
        new Promise((done, fail) => {
          const keys = changes.map(({ key, record }) => (record === null ? `-${key}` : key))
          commits.push({ keys, done, fail })
        }),
    },
    figures: new CommitFigures(),
    sinks: {
      [SessionSource.CONTROL]: sink,
      [SessionSource.WEB]: sink,
      [SessionSource.GATEWAY]: sink,
    },
    onBroken: ({ message }) => void broken.push(message),
    maxPendingBytes: 100,
  })
  const settle = async (): Promise<void> => {
    for (let turns = 0; turns < 4; turns += 1) await turn()
  }
  return { reign, steps, payloads, did, next, commits, doubt, broken, settle }
}

describe('a reign', () => {
  test('H8: leads in one step: all records, then that it is elected', async () => {
    const { reign, steps, payloads, commits, settle } = setUp()
    await settle()
    const found = [worker('a'), worker('b')]
    reign.lead(7, found, [{ key: 'app_bad', record: null }])
    expect(steps).toEqual([['TIMER'], ['RECORD', 'RECORD', 'ELECTED 7']])
    expect(payloads[1]).toEqual(found[0]!.record)
    await settle()
    expect(commits.map(({ keys }) => keys)).toEqual([['-app_bad']])
    // What the check of the records writes is none of the core's business.
    commits[0]!.done()
    await settle()
    expect(steps).toHaveLength(2)
  })

  test('S1: a standby is told who leads, and writes nothing', async () => {
    const { reign, steps, payloads, next, broken, settle } = setUp()
    reign.follow({
      masterUrl: 'spark://n:1',
      webUiUrl: 'http://n',
      controlAddress: 'n:2',
      epoch: 3,
    })
    reign.follow(null)
    await settle()
    expect(steps).toEqual([['TIMER', 'LEADER', 'LEADER']])
    const leader = Leader.getRootAsLeader(new ByteBuffer(payloads[1]!)).unpack()
    expect(leader).toMatchObject({ masterUrl: 'spark://n:1', masterWebUiUrl: 'http://n', epoch: 3 })
    expect(payloads[2]).toEqual(new Uint8Array())
    next.push([[FORGET, 0, 'worker_a', 1]])
    reign.add(InboxKind.MESSAGE, session, '')
    await settle()
    expect(broken).toEqual(['a standby wants to write worker_a'])
  })

  test('sends what it promises when the store has it', async () => {
    const { reign, steps, did, next, commits, settle } = setUp()
    reign.lead(1, [], [])
    next.push([
      [PERSIST, 0, worker('a').record, 1],
      [SEND, session, 'registered', 1],
    ])
    reign.add(InboxKind.MESSAGE, session, '')
    await settle()
    expect(did).toEqual([])
    expect(commits[0]!.keys).toEqual(['worker_a'])
    commits[0]!.done()
    await settle()
    expect(did).toEqual([`send ${session} registered`])
    expect(steps.at(-1)).toEqual(['STORED 1'])
  })

  test('H7: where nothing is kept, nothing waits and nothing is written', async () => {
    const { reign, steps, did, next, commits, settle } = setUp(true)
    reign.lead(1, [], [])
    next.push([
      [PERSIST, 0, worker('a').record, 1],
      [SEND, session, 'registered', 1],
    ])
    reign.add(InboxKind.MESSAGE, session, '')
    await settle()
    expect(did).toEqual([`send ${session} registered`])
    expect(commits).toEqual([])
    expect(steps.at(-1)).toEqual(['MESSAGE'])
  })

  test('decides nothing and sends nothing while it is suspended, and loses nothing', async () => {
    const { reign, steps, did, next, commits, settle } = setUp()
    reign.lead(1, [], [])
    next.push([
      [PERSIST, 0, worker('a').record, 1],
      [SEND, session, 'registered', 1],
    ])
    reign.add(InboxKind.MESSAGE, session, '')
    await settle()
    const before = steps.length
    reign.suspend()
    commits[0]!.done()
    await settle()
    reign.add(InboxKind.MESSAGE, session, 'more')
    await settle()
    expect(steps).toHaveLength(before)
    expect(did).toEqual([])
    expect(reign.waitingBytes).toBeGreaterThan(0)
    reign.resume()
    expect(did).toEqual([`send ${session} registered`])
    expect(steps.slice(before)).toEqual([['STORED 1', 'MESSAGE']])
  })

  test('asks before each step whether it counts, and goes on when it does', async () => {
    const { reign, steps, did, next, commits, doubt, settle } = setUp()
    reign.lead(1, [], [])
    next.push([
      [PERSIST, 0, worker('a').record, 1],
      [SEND, session, 'registered', 1],
    ])
    reign.add(InboxKind.MESSAGE, session, '')
    await settle()
    const before = steps.length
    doubt.certain = false
    commits[0]!.done()
    await settle()
    expect([did, steps.length]).toEqual([[], before])
    doubt.certain = true
    await expect.poll(() => steps.length).toBe(before + 1)
    expect(did).toEqual([`send ${session} registered`])
  })

  test('takes no step while more waits for the store than may, and goes on when that is written', async () => {
    const { reign, steps, next, commits, settle } = setUp()
    reign.lead(1, [], [])
    for (const [at, id] of ['a', 'b'].entries()) {
      next.push([[PERSIST, 0, worker(id).record, at + 1]])
      reign.add(InboxKind.MESSAGE, session, '')
      await settle()
    }
    // The first one is being written, the second waits.
    expect(commits.map(({ keys }) => keys)).toEqual([['worker_a']])
    const before = steps.length
    reign.add(InboxKind.MESSAGE, session, '')
    await settle()
    expect(steps).toHaveLength(before)
    commits[0]!.done()
    await expect.poll(() => steps.length).toBeGreaterThan(before)
    expect(steps.slice(before).flat()).toEqual(['MESSAGE', 'STORED 1'])
  })

  test('S9: that has ended does nothing more, whatever comes of its last commit', async () => {
    const { reign, steps, did, next, commits, settle } = setUp()
    reign.lead(1, [], [])
    next.push([
      [PERSIST, 0, worker('a').record, 1],
      [SEND, session, 'registered', 1],
    ])
    reign.add(InboxKind.MESSAGE, session, '')
    await settle()
    const before = steps.length
    const ended = reign.end()
    reign.add(InboxKind.MESSAGE, session, '')
    commits[0]!.done()
    await ended
    await settle()
    expect([did, steps.length, commits.length]).toEqual([[], before, 1])
  })

  test('that ends with its master writes first what it has decided', async () => {
    const { reign, next, commits, settle } = setUp()
    reign.lead(1, [], [])
    next.push([[PERSIST, 0, worker('a').record, 1]])
    reign.add(InboxKind.MESSAGE, session, '')
    await settle()
    let written = false
    const ended = reign.endWritten().finally(() => {
      written = true
    })
    await settle()
    expect(written).toBe(false)
    commits[0]!.done()
    await ended
    expect(written).toBe(true)
  })

  test('M18: knows who has to be called: who was found, who came since, and nobody who is gone', async () => {
    const { reign, next, settle } = setUp()
    const [spark, late, driver] = [
      worker('s', 'Worker'),
      worker('l', 'Worker'),
      application('d', 'C'),
    ]
    reign.lead(1, [spark, worker('ours'), driver, application('node', null)], [])
    expect(reign.callable()).toEqual([spark.record, driver.record])
    next.push([
      [PERSIST, 0, late.record, 1],
      [PERSIST, 0, worker('ours').record, 2],
      [FORGET, 0, 'worker_s', 3],
    ])
    reign.add(InboxKind.MESSAGE, session, '')
    await settle()
    expect(reign.callable()).toEqual([driver.record, late.record])
  })
})
