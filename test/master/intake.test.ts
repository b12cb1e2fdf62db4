/** What of a peer reaches the core: nothing of sessions that are over, and no more than can wait. */
import { describe, expect, test } from 'vitest'

import {
  BatchWriter,
  InboxKind,
  SessionSource,
  records,
  sessionOf,
} from '../../src/control/records.js'
import { Intake, type Intaken } from '../../src/master/intake.js'

const { CONNECTED, MESSAGE, DISCONNECTED } = InboxKind
const control = (at: number): number => sessionOf(SessionSource.CONTROL, at)
const gateway = (at: number): number => sessionOf(SessionSource.GATEWAY, at)
const bytes = new TextEncoder().encode('x')

class Taken implements Intaken {
  waitingBytes = 0
  readonly events: string[] = []
  ended: readonly number[] = []

  add(kind: InboxKind, session: number): void {
    this.events.push(`${InboxKind[kind]} ${session}`)
  }

  addBatch(whole: Uint8Array, ended: readonly number[]): void {
    this.ended = ended
    for (const { kind, session } of records(whole)) this.add(kind, session)
  }
}

function setUp() {
  const closed: string[] = []
  // As uWebSockets does it: the end is told within the call.
  const intake: Intake = new Intake({
    close: (session, reason) => {
      closed.push(`${session} ${reason}`)
      if (session < gateway(0)) intake.disconnected(session, reason)
    },
    maxWaitingBytes: 100,
  })
  return { intake, closed }
}

function batch(...rows: [InboxKind, number][]): Uint8Array {
  const writer = new BatchWriter()
  for (const [kind, session] of rows) writer.add(kind, session, 'payload')
  return writer.take()
}

describe('the intake', () => {
  test('turns peers away until there is a reign, and ignores what they say', () => {
    const { intake, closed } = setUp()
    intake.connected(control(1), 'here')
    intake.message(control(1), bytes)
    intake.batch(batch([CONNECTED, gateway(1)]), [])
    expect(closed).toEqual([`${control(1)} the master is still starting`])
  })

  test('hands everything on, batches as they are', () => {
    const { intake, closed } = setUp()
    const reign = new Taken()
    intake.setReign(reign)
    intake.connected(control(1), 'here')
    intake.message(control(1), bytes)
    intake.batch(
      batch([CONNECTED, gateway(1)], [MESSAGE, gateway(1)], [DISCONNECTED, gateway(1)]),
      [gateway(1)],
    )
    intake.disconnected(control(1), 'gone')
    expect(reign.events).toEqual([
      `CONNECTED ${control(1)}`,
      `MESSAGE ${control(1)}`,
      `CONNECTED ${gateway(1)}`,
      `MESSAGE ${gateway(1)}`,
      `DISCONNECTED ${gateway(1)}`,
      `DISCONNECTED ${control(1)}`,
    ])
    expect(reign.ended).toEqual([gateway(1)])
    expect(closed).toEqual([])
  })

  test('S9: keeps from a reign what comes of sessions of the one before', () => {
    const { intake, closed } = setUp()
    const [before, after] = [new Taken(), new Taken()]
    intake.setReign(before)
    intake.connected(control(1), 'here')
    intake.batch(batch([CONNECTED, gateway(1)], [CONNECTED, gateway(2)]), [])
    intake.setReign(after)
    intake.message(control(1), bytes)
    intake.disconnected(control(1), 'gone')
    intake.batch(
      batch(
        [CONNECTED, gateway(3)],
        [MESSAGE, gateway(1)],
        [DISCONNECTED, gateway(2)],
        [MESSAGE, gateway(3)],
      ),
      [gateway(2)],
    )
    intake.connected(control(2), 'here')
    expect(after.events).toEqual([
      `CONNECTED ${gateway(3)}`,
      `MESSAGE ${gateway(3)}`,
      `CONNECTED ${control(2)}`,
    ])
    // Whoever still takes its session for alive is told.
    const why = 'the master has stepped down since this session began'
    expect(closed).toEqual([`${control(1)} ${why}`, `${gateway(1)} ${why}`])
  })

  test('lets a thread that was started again count from 1', () => {
    const { intake } = setUp()
    const [before, after] = [new Taken(), new Taken()]
    intake.setReign(before)
    intake.batch(batch([CONNECTED, gateway(5)]), [])
    intake.setReign(after)
    intake.batch(batch([CONNECTED, gateway(6)]), [])
    intake.threadLost(SessionSource.GATEWAY, [gateway(6)], 'it died')
    intake.batch(batch([CONNECTED, gateway(1)]), [])
    expect(after.events).toEqual([
      `CONNECTED ${gateway(6)}`,
      `DISCONNECTED ${gateway(6)}`,
      `CONNECTED ${gateway(1)}`,
    ])
  })

  test('closes who sends more than can wait, once, and tells the core of its end', () => {
    const { intake, closed } = setUp()
    const reign = new Taken()
    intake.setReign(reign)
    intake.connected(control(1), 'here')
    intake.batch(batch([CONNECTED, gateway(1)]), [])
    reign.waitingBytes = 101
    intake.message(control(1), bytes)
    intake.connected(control(2), 'here')
    intake.batch(batch([MESSAGE, gateway(1)], [MESSAGE, gateway(1)], [CONNECTED, gateway(2)]), [])
    // What they say until they notice is a part without its beginning.
    reign.waitingBytes = 0
    intake.batch(batch([MESSAGE, gateway(1)], [MESSAGE, gateway(2)], [DISCONNECTED, gateway(1)]), [
      gateway(1),
    ])
    intake.batch(batch([DISCONNECTED, gateway(2)]), [gateway(2)])
    intake.connected(control(3), 'here')
    expect(reign.events).toEqual([
      `CONNECTED ${control(1)}`,
      `CONNECTED ${gateway(1)}`,
      `DISCONNECTED ${control(1)}`,
      `DISCONNECTED ${gateway(1)}`,
      `CONNECTED ${control(3)}`,
    ])
    expect(closed.map((line) => Number(line.split(' ')[0]))).toEqual([
      control(1),
      control(2),
      gateway(1),
      gateway(2),
    ])
  })

  test('hands on the end of sessions however much waits', () => {
    const { intake, closed } = setUp()
    const reign = new Taken()
    intake.setReign(reign)
    intake.connected(control(1), 'here')
    reign.waitingBytes = 101
    intake.disconnected(control(1), 'gone')
    expect(reign.events.at(-1)).toBe(`DISCONNECTED ${control(1)}`)
    expect(closed).toEqual([])
  })
})
