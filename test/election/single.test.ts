/** A master alone with its store: who has the store leads. */
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'

import type { Mandate, RecoveryEvents } from '../../src/election/agent.js'
import { EPOCH_KEY, nextEpoch, readEpoch, writeEpoch } from '../../src/election/epoch.js'
import { MAX_EPOCH } from '../../src/election/limits.js'
import { SingleRecovery } from '../../src/election/single.js'
import { NoStore } from '../../src/store/none.js'
import { DAMAGED_PREFIX, MAX_DAMAGED_RECORDS } from '../../src/store/records.js'
import { Recorder, recordingLog } from '../control/recorder.js'
import { FakePlace } from './fake-place.js'

type Told = Mandate | string

const self = { masterUrl: 'spark://m:7077', webUiUrl: 'http://m:8080', controlAddress: 'm:7078' }
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const isMandate = (told: Told): told is Mandate => typeof told !== 'string'

const closes: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closes.splice(0)) await close()
})

function setUp(place: FakePlace | null, { nowMs = 5000, lines = [] as string[] } = {}) {
  const told = new Recorder<Told>()
  const delays: number[] = []
  const unexpected = (): never => {
    throw new Error('a master alone is never in doubt, and follows nobody')
  }
  const events: RecoveryEvents = {
    lead: (mandate) => told.add(mandate),
    stepDown: (reason) => told.add(reason),
    suspend: unexpected,
    resume: unexpected,
    follow: unexpected,
  }
  const recovery = new SingleRecovery({
    mode: place === null ? 'NONE' : 'CUSTOM',
    log: recordingLog(lines),
    createEngine: () => place?.engine() ?? new NoStore(),
    nowMs: () => nowMs,
    retryDelayMs: (failures) => {
      delays.push(failures)
      return 1
    },
  })
  closes.push(() => recovery.close())
  return { recovery, told, events, delays, start: () => recovery.start(self, events) }
}

describe('a master alone with its store', () => {
  test('H7: leads at once with nothing where nothing is kept, later than the one before', async () => {
    const { told, start, recovery } = setUp(null, { nowMs: 7_000_000 })
    await start()
    expect(told.events).toMatchObject([{ epoch: 7000, records: [], damaged: [] }])
    await recovery.commit([{ key: 'a', record: bytes('1') }])
    expect(recovery.certain()).toBe(true)
    expect(recovery.status()).toEqual({ followers: [], behind: null, reason: '' })
  })

  test('H3, H4, H6: leads at once with what is stored, each time with a greater epoch', async () => {
    const place = new FakePlace()
    const first = setUp(place)
    await first.start()
    await first.recovery.commit([{ key: 'worker_a', record: bytes('1') }])
    await first.recovery.close()
    // The clock on the wall was set back meanwhile.
    const second = setUp(place, { nowMs: 0 })
    await second.start()
    expect([...first.told.events, ...second.told.events]).toMatchObject([
      { epoch: 5, records: [], damaged: [] },
      { epoch: 6, records: [{ key: 'worker_a', record: bytes('1') }], damaged: [] },
    ])
  })

  test('is told that it leads in a turn of its own', async () => {
    const place = new FakePlace()
    const { told, start, recovery } = setUp(place)
    const started = start()
    expect(told.events).toEqual([])
    expect(recovery.certain()).toBe(false)
    await started
    place.full = true
    await expect(recovery.commit([])).rejects.toThrow('no space left')
    expect(told.events).toHaveLength(1)
    await turn()
    expect(told.events[1]).toBe('no space left')
  })

  test('does not start where the store can not be read, or another master has it', async () => {
    const place = new FakePlace()
    place.unreadable = true
    await expect(setUp(place).start()).rejects.toThrow('input/output error')
    place.unreadable = false
    await setUp(place).start()
    await expect(setUp(place).start()).rejects.toThrow('held by another master')
    expect(place.users).toBe(1)
  })

  test('leads with what was prepared, and opens it once', async () => {
    const place = new FakePlace()
    place.records.set('worker_a', bytes('1'))
    const { told, start, recovery } = setUp(place)
    recovery.prepare()
    await expect.poll(() => place.users).toBe(1)
    expect(told.events).toEqual([])
    await start()
    expect(told.events).toMatchObject([{ epoch: 5, records: [{ key: 'worker_a' }] }])
    expect(place.opened).toBe(1)
  })

  test('says at the start what went wrong in the preparation, and lets go of what nobody needed', async () => {
    const place = new FakePlace()
    const unused = setUp(place)
    unused.recovery.prepare()
    const late = setUp(place)
    late.recovery.prepare()
    await expect(late.start()).rejects.toThrow('held by another master')
    await unused.recovery.close()
    expect(unused.told.events).toEqual([])
    expect(place.users).toBe(0)
  })

  test('starts where the store can only be read, and leads as soon as it can be written', async () => {
    const place = new FakePlace()
    place.records.set('worker_a', bytes('1'))
    place.full = true
    const { told, start, recovery } = setUp(place)
    await start()
    expect(told.events).toEqual([])
    expect(recovery.status().reason).toBe('no space left')
    await expect(recovery.commit([])).rejects.toThrow(/does not lead: no space left/)
    place.full = false
    expect(await told.next(isMandate)).toMatchObject({ records: [{ key: 'worker_a' }] })
    expect(recovery.status().reason).toBe('')
  })

  test('S9: steps down when a commit fails, tries again and again, and leads with what is there', async () => {
    const place = new FakePlace()
    const { told, start, recovery, delays } = setUp(place)
    await start()
    await recovery.commit([{ key: 'worker_a', record: bytes('1') }])
    place.full = true
    await expect(recovery.commit([{ key: 'worker_b', record: bytes('2') }])).rejects.toThrow()
    expect(recovery.certain()).toBe(false)
    await told.next((event) => event === 'no space left')
    await expect.poll(() => delays.length).toBeGreaterThan(2)
    place.unreadable = true
    place.full = false
    await expect.poll(() => recovery.status().reason).toBe('input/output error')
    place.unreadable = false
    await told.next(isMandate, 2)
    expect(told.events.slice(1)).toMatchObject([
      'no space left',
      { epoch: 6, records: [{ key: 'worker_a', record: bytes('1') }], damaged: [] },
    ])
    expect(recovery.status().reason).toBe('')
    expect(delays.slice(0, 3)).toEqual([1, 2, 3])
    // A mandate that does not last does not end the row of failures.
    const before = delays.length
    place.full = true
    await expect(recovery.commit([])).rejects.toThrow()
    await expect.poll(() => delays.length).toBeGreaterThan(before)
    expect(delays[before]).toBe(before + 1)
  })

  test('gives the store back when it leaves, also while it tries to have it again', async () => {
    const place = new FakePlace()
    const { told, start, recovery } = setUp(place)
    await start()
    place.full = true
    await expect(recovery.commit([])).rejects.toThrow()
    await recovery.close()
    place.full = false
    await turn()
    expect(told.events.filter(isMandate)).toHaveLength(1)
    expect(place.users).toBe(0)
  })

  test('Y10: an epoch that can not be read counts anew, with a warning', async () => {
    const place = new FakePlace()
    place.records.set(EPOCH_KEY, bytes('garbage'))
    const lines: string[] = []
    const { told, start } = setUp(place, { lines })
    await start()
    expect(told.events).toMatchObject([{ epoch: 5, records: [], damaged: [] }])
    expect(lines.join('')).toContain('it has 7 bytes')
  })

  test('Y10: of what was set aside the newest stay, and nobody sees them', async () => {
    const place = new FakePlace()
    const names = Array.from(
      { length: MAX_DAMAGED_RECORDS + 2 },
      (_, at) => `${DAMAGED_PREFIX}${at}`,
    )
    for (const name of names) place.records.set(name, bytes('x'))
    const { told, start } = setUp(place)
    await start()
    expect(told.events).toMatchObject([{ epoch: 5, records: [], damaged: [] }])
    expect([...place.records.keys()]).toEqual([...names.slice(2), EPOCH_KEY])
  })
})

describe('epochs', () => {
  test('grow, and are never behind the clock', () => {
    expect(nextEpoch(0, 1_000_000)).toBe(1000)
    expect(nextEpoch(1000, 1_000_000)).toBe(1001)
    expect(nextEpoch(2000, -5)).toBe(2001)
    expect(nextEpoch(0, Number.MAX_SAFE_INTEGER)).toBe(MAX_EPOCH - 1)
  })

  test('are read as they were written, and nothing else is', () => {
    expect(readEpoch(writeEpoch(1_800_000_000))).toBe(1_800_000_000)
    expect(readEpoch(new Uint8Array())).toBe('it has 0 bytes')
    expect(readEpoch(new Uint8Array(8).fill(255))).toMatch(/is no epoch/)
  })
})
