import { afterEach, describe, expect, test, vi } from 'vitest'
import { InboxKind, records } from '../../src/control/records.js'
import type { MasterCore } from '../../src/core/native.js'
import { Clock } from '../../src/master/clock.js'
import { SLEPT_MS } from '../../src/master/limits.js'
import { Loop } from '../../src/master/loop.js'
import { Recorder } from '../control/recorder.js'

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

interface SetUpOptions {
  readonly maxInboxBytes?: number
  step?(): Uint8Array
  mayStep?(): boolean
}

function setUp(options: SetUpOptions = {}) {
  const steps: number[][] = []
  const broken: Error[] = []
  const ran: (() => void)[] = []
  const core: MasterCore = {
    step: (_now, _offset, inbox) => {
      steps.push([...records(inbox)].map(({ kind }) => kind))
      return options.step?.() ?? new Uint8Array()
    },
    view: () => new Uint8Array(),
    changes: () => new Uint8Array(),
    explain: () => new Uint8Array(),
    check: () => {},
  }
  const loop = new Loop({
    core,
    clock: new Clock(),
    run: () => {
      for (const effect of ran.splice(0)) effect()
    },
    onBroken: (error) => void broken.push(error),
    mayStep: () => options.mayStep?.() ?? true,
    ...(options.maxInboxBytes === undefined ? {} : { maxInboxBytes: options.maxInboxBytes }),
  })
  return { loop, steps, broken, ran }
}

describe('loop', () => {
  test('all input of a turn is one step', async () => {
    const { loop, steps } = setUp()
    loop.add(InboxKind.CONNECTED, 1, 'here')
    loop.add(InboxKind.MESSAGE, 1, 'x')
    expect(steps).toEqual([])
    await turn()
    await turn()
    expect(steps).toEqual([[InboxKind.CONNECTED, InboxKind.MESSAGE]])
  })

  test('effects of a part may bring input while the core still reads', async () => {
    const read: string[][] = []
    const inboxText = (inbox: Uint8Array) =>
      [...records(inbox)].map(({ payload }) => new TextDecoder().decode(payload))
    const core: MasterCore = {
      step: (_now, _offset, inbox, onPart) => {
        onPart?.(new Uint8Array())
        read.push(inboxText(inbox))
        return new Uint8Array()
      },
      view: () => new Uint8Array(),
      changes: () => new Uint8Array(),
      explain: () => new Uint8Array(),
      check: () => {},
    }
    let runs = 0
    const loop = new Loop({
      core,
      clock: new Clock(),
      run: () => {
        runs += 1
        if (runs < 3) loop.add(InboxKind.MESSAGE, 1, `brought by ${runs}`)
      },
      onBroken: (error) => expect.unreachable(error.message),
    })
    loop.add(InboxKind.MESSAGE, 1, 'first')
    for (let turns = 0; turns < 4; turns += 1) await turn()
    expect(read).toEqual([['first'], ['brought by 1', 'brought by 2']])
  })

  test('what is decided after an effect has ended the loop reaches nobody', async () => {
    const core: MasterCore = {
      step: (_now, _offset, _inbox, onPart) => {
        onPart?.(new Uint8Array(1))
        onPart?.(new Uint8Array(2))
        return new Uint8Array(3)
      },
      view: () => new Uint8Array(),
      changes: () => new Uint8Array(),
      explain: () => new Uint8Array(),
      check: () => {},
    }
    const ran: number[] = []
    const loop = new Loop({
      core,
      clock: new Clock(),
      run: ({ byteLength }) => {
        ran.push(byteLength)
        if (byteLength === 2) loop.end()
      },
      onBroken: (error) => expect.unreachable(error.message),
    })
    loop.add(InboxKind.MESSAGE, 1, 'x')
    await turn()
    await turn()
    expect(ran).toEqual([1, 2])
  })

  test('input that effects bring is the next step', async () => {
    const { loop, steps, ran } = setUp()
    ran.push(() => loop.add(InboxKind.DISCONNECTED, 1, 'closed'))
    loop.add(InboxKind.MESSAGE, 1, 'x')
    await turn()
    await turn()
    expect(steps).toEqual([[InboxKind.MESSAGE], [InboxKind.DISCONNECTED]])
  })

  test('a full inbox is stepped at once', () => {
    const { loop, steps } = setUp({ maxInboxBytes: 64 })
    loop.add(InboxKind.MESSAGE, 1, 'x'.repeat(100))
    expect(steps).toEqual([[InboxKind.MESSAGE]])
  })

  test('a core that throws is never called again', async () => {
    const { loop, steps, broken } = setUp({
      step: () => {
        throw new Error('sums differ')
      },
    })
    loop.add(InboxKind.MESSAGE, 1, 'x')
    await turn()
    loop.add(InboxKind.MESSAGE, 1, 'y')
    await turn()
    expect(broken.map(({ message }) => message)).toEqual(['sums differ'])
    expect(steps).toHaveLength(1)
  })

  test('the timer becomes input when it is due, however far it was', async () => {
    const stepped = new Recorder<null>()
    const { loop, steps } = setUp({
      step: () => {
        stepped.add(null)
        return new Uint8Array()
      },
    })
    loop.setTimer(Date.now() + 1e12)
    loop.setTimer(Date.now() - 5)
    await stepped.next(() => true)
    expect(steps).toEqual([[InboxKind.TIMER]])
    loop.end()
  })

  test('a timer that is far too late lets peers be heard first', () => {
    vi.useFakeTimers()
    const { loop, steps } = setUp()
    const start = Date.now()
    loop.setTimer(start + 100)
    // The process was stopped meanwhile.
    vi.setSystemTime(start + 60_000)
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000)
    vi.advanceTimersByTime(100)
    loop.add(InboxKind.MESSAGE, 1, 'heartbeat')
    loop.flush()
    expect(steps).toEqual([[InboxKind.MESSAGE]])
    vi.advanceTimersByTime(SLEPT_MS)
    loop.flush()
    expect(steps).toEqual([[InboxKind.MESSAGE], [InboxKind.TIMER]])
  })

  test('input waits while no step may be taken, and is taken in its order', async () => {
    const allowed = { now: false }
    const { loop, steps } = setUp({ mayStep: () => allowed.now, maxInboxBytes: 64 })
    loop.add(InboxKind.CONNECTED, 1, 'x'.repeat(100))
    loop.add(InboxKind.MESSAGE, 1, 'x')
    await turn()
    loop.flush()
    expect(steps).toEqual([])
    expect(loop.waitingBytes).toBeGreaterThan(100)
    allowed.now = true
    await expect.poll(() => steps).toEqual([[InboxKind.CONNECTED, InboxKind.MESSAGE]])
    loop.end()
  })
})
