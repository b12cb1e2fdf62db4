/** A link to several masters: which of them it listens to, while they come, go, stand by and take over. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { BodyT } from '../../src/control/codec.js'
import type { MasterLinkOptions } from '../../src/control/link.js'
import {
  ApplicationRegisteredT,
  KillExecutorT,
  MasterChangedT,
  MasterInStandbyT,
  RefusedT,
  WorkerHeartbeatT,
  WorkerRegisteredT,
} from '../../src/schema/magneto.js'
import {
  linkTo,
  listOf,
  lost,
  master,
  noPauses,
  opened,
  stopAll,
  stops,
  type FakeMaster,
  type LinkEvent,
} from './fake-master.js'
import type { Recorder } from './recorder.js'

afterEach(async () => {
  vi.useRealTimers()
  await stopAll()
})

const never = { next: () => 2 ** 30, reset: () => {} }
const standby = new MasterInStandbyT()

function leads({ url }: FakeMaster, epoch: number): MasterChangedT {
  return new MasterChangedT(url, null, epoch)
}

function takesIn({ url }: FakeMaster, epoch: number): WorkerRegisteredT {
  return new WorkerRegisteredT(url, null, false, 60_000, epoch)
}

const order = new KillExecutorT('spark://whoever:1', 'app', 1)

/** One word an event. */
function words(events: readonly LinkEvent[]): string[] {
  return events.map((event) => {
    if (event.kind === 'message') return event.body.constructor.name.replace(/T$/, '')
    if (event.kind === 'open') return event.changed === null ? 'open' : 'changed'
    return 'close'
  })
}

/** A link to `count` masters, each of which it is connected to; the first one is being asked. */
async function linked(count: number, more: Partial<MasterLinkOptions> = {}) {
  const masters: FakeMaster[] = []
  for (let index = 0; index < count; index += 1) masters.push(await master())
  const { backOff, seen: pauses } = noPauses()
  // Whoever is connected first is asked first: the order of the others does not matter.
  const made = linkTo(listOf(...masters), { backOff, standbyPauses: never, ...more })
  for (const { seen } of masters) await seen.next(({ kind }) => kind === 'connected')
  await made.seen.next(opened)
  made.link.send(new WorkerHeartbeatT('hello'))
  const heard = await Promise.race(
    masters.map(async (one) => {
      await one.seen.next(({ kind }) => kind === 'message')
      return one
    }),
  )
  const others = masters.filter((one) => one !== heard)
  const message = (fits: (body: BodyT) => boolean, from = 0) =>
    made.seen.next((event) => event.kind === 'message' && fits(event.body), from)
  return {
    ...made,
    masters,
    first: heard,
    others: others as [FakeMaster, FakeMaster],
    message,
    pauses,
  }
}

/** For every event, also those that were before, for as long as the test runs. */
async function each<E>(heard: Recorder<E>, take: (event: E) => void): Promise<void> {
  const over = new AbortController()
  stops.push(() => over.abort())
  for (let at = 0; !over.signal.aborted; at += 1) take(await heard.next(() => true, at))
}

/** The owner of a link asks whoever it is shown; what a master says to one that has not asked may not be heard. */
function asks({ link, seen }: Pick<ReturnType<typeof linkTo>, 'link' | 'seen'>): void {
  void each(seen, ({ kind }) => {
    if (kind === 'open') link.send(new WorkerHeartbeatT('hello'))
  })
}

/** What a master says whenever it is asked. */
function answers(one: FakeMaster, answer: () => BodyT): void {
  void each(one.seen, ({ kind }) => {
    if (kind === 'message') one.say(answer())
  })
}

const is =
  (kind: new (...args: never[]) => BodyT) =>
  (body: BodyT): boolean =>
    body instanceof kind

describe('H14: a link to several masters', () => {
  test('keeps a line to each, speaks to one, and listens to that one alone', async () => {
    const { link, seen, log, first, others, message } = await linked(3)
    for (const other of others) other.say(order)
    first.say(takesIn(first, 1))
    await message(is(WorkerRegisteredT))
    await log.next((line) => line.includes('its KillExecutorT is ignored'))
    link.send(new WorkerHeartbeatT('w'))
    await first.seen.next(({ body }) => body instanceof WorkerHeartbeatT && body.workerId === 'w')
    expect(words(seen.events)).toEqual(['open', 'WorkerRegistered'])
    for (const other of others)
      expect(other.seen.events.map(({ kind }) => kind)).toEqual(['connected'])
  })

  test('M4: one that stands by keeps its line, and the next one is asked', async () => {
    const { link, seen, first, others } = await linked(2)
    first.say(standby)
    await seen.next(opened, 1)
    link.send(new WorkerHeartbeatT('w'))
    await others[0].seen.next(({ kind }) => kind === 'message')
    expect(words(seen.events)).toEqual(['open', 'MasterInStandby', 'close', 'open'])
    expect(first.seen.events.map(({ kind }) => kind)).toEqual(['connected', 'message'])
  })

  test('M4: the one that a standby names is asked next', async () => {
    const { link, seen, masters, first } = await linked(4)
    const named = masters.findLast((one) => one !== first)!
    first.say(new MasterInStandbyT(named.url, null, 3))
    await seen.next(opened, 1)
    link.send(new WorkerHeartbeatT('w'))
    await named.seen.next(({ kind }) => kind === 'message')
  })

  test('M4: the one that a standby names is looked for at once', async () => {
    const [leader, other] = [await master(), await master()]
    await leader.stop()
    const { backOff } = noPauses()
    const backOffs = [{ next: () => 2 ** 30, reset: () => {} }, backOff()]
    const { seen, log } = linkTo(listOf(leader, other), {
      backOff: () => backOffs.shift()!,
      standbyPauses: never,
    })
    await log.next((line) => line.includes('ECONNREFUSED'))
    await seen.next(opened)
    const again = await master({ port: leader.port })
    other.say(new MasterInStandbyT(leader.url))
    await again.seen.next(({ kind }) => kind === 'connected')
    await seen.next(opened, 1)
  })

  test('where all stand by they are asked anew, on new connections', async () => {
    let rounds = 0
    const standbyPauses = {
      next: () => {
        rounds += 1
        return 0
      },
      reset: () => {},
    }
    const made = await linked(2, { standbyPauses })
    const [leader, other] = made.masters as [FakeMaster, FakeMaster]
    let isElected = false
    answers(leader, () => (isElected ? takesIn(leader, 1) : standby))
    answers(other, () => standby)
    asks(made)
    for (const session of [1, 2, 3, 4])
      for (const { seen: heard } of made.masters)
        await heard.next((event) => event.kind === 'connected' && event.session === session)
    isElected = true
    await made.seen.next(
      (event) => event.kind === 'message' && event.body instanceof WorkerRegisteredT,
    )
    expect(rounds).toBeGreaterThanOrEqual(3)
  })

  test('where all stand by, one that comes late is asked at once', async () => {
    const [late, ...others] = [await master(), await master(), await master()]
    await late.stop()
    const { backOff } = noPauses()
    const made = linkTo(listOf(late, ...others), { backOff, standbyPauses: never })
    const { seen } = made
    for (const one of others) answers(one, () => standby)
    asks(made)
    while (words(seen.events).filter((word) => word === 'close').length < 2)
      await seen.next(lost, seen.events.findLastIndex(lost) + 1)
    const back = await master({ port: late.port })
    await seen.next(opened, seen.events.length)
    back.say(takesIn(back, 1))
    await seen.next((event) => event.kind === 'message' && event.body instanceof WorkerRegisteredT)
  })

  test('T5: of two that are there, the one that served last is asked first', async () => {
    const { link, seen, first, others, message } = await linked(3)
    first.say(takesIn(first, 1))
    await message(is(WorkerRegisteredT))
    first.hangUp()
    // Another one is asked meanwhile; when it stands by, the one that served is there again.
    await seen.next(opened, 1)
    await first.seen.next((event) => event.kind === 'connected' && event.session === 2)
    link.send(new WorkerHeartbeatT('again'))
    const asked = await Promise.race(
      others.map(async (one) => {
        await one.seen.next(({ kind }) => kind === 'message')
        return one
      }),
    )
    asked.say(standby)
    await seen.next(opened, seen.events.findLastIndex(opened) + 1)
    link.send(new WorkerHeartbeatT('back'))
    await first.seen.next((event) => event.kind === 'message' && event.session === 2)
  })

  test('one that was asked and keeps silent is left for one that was not', async () => {
    const { first, seen, others, link } = await linked(2, { answerTimeoutMs: 5 })
    expect(await seen.next(lost)).toMatchObject({ reason: 'it has not answered for 5 ms' })
    await first.seen.next(({ kind }) => kind === 'disconnected')
    await seen.next(opened, 1)
    link.send(new WorkerHeartbeatT('w'))
    await others[0].seen.next(({ kind }) => kind === 'message')
  })

  test('one that hangs up on everybody is asked at a growing pace, whatever the others do', async () => {
    const { backOff, seen: pauses } = noPauses()
    const [flapping, leader] = [await master(), await master()]
    // One that stays for two seconds is no failure, and so long may a turn take.
    vi.useFakeTimers({ toFake: ['performance'] })
    const { seen } = linkTo(listOf(flapping, leader), { backOff })
    for (let session = 1; session <= 20; session += 1) {
      await flapping.seen.next((event) => event.kind === 'connected' && event.session === session)
      flapping.control.close(session, 'no')
    }
    await flapping.seen.next((event) => event.kind === 'connected' && event.session === 21)
    expect(pauses).toEqual({ pauses: 20, resets: 0 })
    await leader.seen.next(({ kind }) => kind === 'connected')
    leader.say(leads(leader, 1))
    // Asked already or not, it is followed.
    await seen.next((event) =>
      event.kind === 'open' ? event.changed !== null : event.kind === 'message',
    )
  })

  test('close ends all lines', async () => {
    const { link, masters, seen } = await linked(3)
    link.close()
    for (const one of masters) await one.seen.next(({ kind }) => kind === 'disconnected')
    expect(words(seen.events)).toEqual(['open'])
    expect(link.open).toBe(false)
  })
})

describe('M18, T5: a new leader', () => {
  test('that says so on a spare line is the active one at once; the one before is left', async () => {
    const { link, seen, first, others, message } = await linked(3)
    first.say(takesIn(first, 1))
    await message(is(WorkerRegisteredT))
    others[0].say(leads(others[0], 2))
    await seen.next((event) => event.kind === 'open' && event.changed !== null)
    expect(seen.events.slice(2)).toEqual([
      { kind: 'close', reason: `${others[0].url} leads now` },
      { kind: 'open', changed: leads(others[0], 2) },
    ])
    link.send(new WorkerHeartbeatT('w'))
    await others[0].seen.next(({ kind }) => kind === 'message')
    await first.seen.next(({ kind }) => kind === 'disconnected')
  })

  test('after the old one is lost needs no pause: no timer is on the way', async () => {
    const { seen, first, others, message } = await linked(2, { backOff: () => never })
    others[0].say(standby)
    first.say(takesIn(first, 1))
    await message(is(WorkerRegisteredT))
    await first.stop()
    await seen.next(lost)
    others[0].say(leads(others[0], 2))
    await seen.next((event) => event.kind === 'open' && event.changed !== null)
  })

  test('that was asked as a standby and leads now says so on the same line', async () => {
    const { seen, first } = await linked(1)
    first.say(standby)
    first.say(leads(first, 1))
    await seen.next((event) => event.kind === 'open' && event.changed !== null)
    expect(words(seen.events)).toEqual(['open', 'MasterInStandby', 'close', 'changed'])
    expect(first.seen.events.filter(({ kind }) => kind === 'connected').length).toBe(1)
  })

  test('that is asked already says so in its answer: a message as any other, also when repeated', async () => {
    const { seen, first, message } = await linked(2)
    first.say(leads(first, 4))
    first.say(leads(first, 4))
    first.say(new RefusedT('end'))
    await message(is(RefusedT))
    expect(words(seen.events)).toEqual(['open', 'MasterChanged', 'MasterChanged', 'Refused'])
  })

  test('an old leader that wakes up can order nothing, and how often it tried is said', async () => {
    const { seen, log, first, others, message } = await linked(2)
    first.say(takesIn(first, 1))
    await message(is(WorkerRegisteredT))
    others[0].say(leads(others[0], 2))
    await first.seen.next((event) => event.kind === 'connected' && event.session === 2)
    for (const body of [order, order, leads(first, 1), takesIn(first, 1)]) first.say(body)
    first.hangUp()
    await log.next((line) => line.includes('(3 messages of it were ignored)'))
    expect(words(seen.events).slice(2)).toEqual(['close', 'changed'])
    const said = log.events.filter(
      (line) => line.includes('is ignored') && line.includes('"level":40'),
    )
    expect(said.length).toBe(1)
    expect(log.events.join()).toContain('leads under epoch 1; 2 was heard: ignored')
  })

  test('of the same epoch as the one that serves is no new leader', async () => {
    const { seen, first, others, log, message } = await linked(2)
    first.say(takesIn(first, 3))
    await message(is(WorkerRegisteredT))
    others[0].say(leads(others[0], 3))
    await log.next((line) => line.includes('leads under epoch 3; 3 was heard: ignored'))
    expect(words(seen.events)).toEqual(['open', 'WorkerRegistered'])
  })

  test('that was not followed is asked as soon as the one that served is lost', async () => {
    const { seen, first, others, log, message } = await linked(2, { backOff: () => never })
    others[0].say(standby)
    first.say(takesIn(first, 3))
    await message(is(WorkerRegisteredT))
    others[0].say(leads(others[0], 2))
    await log.next((line) => line.includes('leads under epoch 2; 3 was heard: ignored'))
    await first.stop()
    await seen.next(opened, 1)
    expect(words(seen.events)).toEqual(['open', 'WorkerRegistered', 'close', 'open'])
  })

  test('of the same epoch is taken where the one that served is lost', async () => {
    const { seen, first, others, message } = await linked(2)
    others[0].say(standby)
    first.say(takesIn(first, 3))
    await message(is(WorkerRegisteredT))
    await first.stop()
    await seen.next(lost)
    others[0].say(leads(others[0], 3))
    await seen.next((event) => event.kind === 'open' && event.changed !== null)
  })
})

describe('epochs', () => {
  test('who serves under a smaller one than was heard is left again', async () => {
    const { seen, first, others, message } = await linked(2)
    others[0].say(standby)
    first.say(new ApplicationRegisteredT('app', first.url, 7))
    await message(is(ApplicationRegisteredT))
    await first.stop()
    await seen.next(lost)
    others[0].hangUp()
    await seen.next(opened, 1)
    others[0].say(takesIn(others[0], 6))
    const from = seen.events.findLastIndex(opened)
    expect(await seen.next(lost, from)).toMatchObject({
      reason: 'it leads under epoch 6, which is over: another one leads under 7',
    })
    expect(seen.events.filter((event) => event.kind === 'message').length).toBe(1)
  })

  test('a cluster whose store was emptied is taken after a while: nobody is locked out', async () => {
    const { seen, first, others, message } = await linked(2, { epochMemoryMs: 5 })
    first.say(takesIn(first, 7))
    await message(is(WorkerRegisteredT))
    await first.stop()
    for (;;) {
      const from = seen.events.length
      others[0].say(leads(others[0], 1))
      const next = await seen.next(() => true, from)
      if (next.kind === 'message' && next.body instanceof MasterChangedT) break
      if (next.kind === 'open' && next.changed !== null) break
    }
    expect(seen.events.at(-1)).not.toMatchObject({ kind: 'close' })
  })

  test('while its leader serves, the greatest one is kept however long that lasts', async () => {
    const { seen, first, others, log, message } = await linked(2, { epochMemoryMs: 1 })
    first.say(takesIn(first, 7))
    await message(is(WorkerRegisteredT))
    for (let count = 1; count <= 20; count += 1) {
      others[0].say(leads(others[0], 6))
      await log.next(
        () => log.events.filter((line) => line.includes('7 was heard')).length >= count,
      )
    }
    expect(words(seen.events)).toEqual(['open', 'WorkerRegistered'])
  })

  test('0 counts none: such a master serves as one did before there were epochs', async () => {
    const { seen, first, others, message } = await linked(2)
    first.say(takesIn(first, 0))
    await message(is(WorkerRegisteredT))
    first.hangUp()
    await seen.next(opened, 1)
    others[0].say(takesIn(others[0], 0))
    await message(is(WorkerRegisteredT), seen.events.findIndex(lost))
  })

  test('a single master is never refused for its epoch', async () => {
    const { seen, first, message } = await linked(1)
    first.say(takesIn(first, 7))
    await message(is(WorkerRegisteredT))
    first.hangUp()
    await seen.next(opened, 1)
    first.say(takesIn(first, 2))
    await message(is(WorkerRegisteredT), seen.events.findIndex(lost))
  })
})

test('whatever masters come, go and lead, the link finds the one that does', async () => {
  // A fixed sequence of what may happen; its parts are drawn by a small generator of its own.
  let state = 12_345
  const draw = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  }
  const made = await linked(3, {
    standbyPauses: { next: () => 1, reset: () => {} },
    answerTimeoutMs: 2000,
  })
  const { seen, masters, link } = made
  let leader = masters[0]!
  let epoch = 0
  // As masters do: the leader takes in who says hello, the others stand by.
  for (const one of masters)
    answers(one, () => (one === leader ? takesIn(one, epoch) : new MasterInStandbyT(leader.url)))
  asks(made)
  for (let round = 0; round < 60; round += 1) {
    const before = leader
    leader = masters[draw(3)]!
    epoch += 1
    if (draw(2) === 0) before.hangUp()
    const how = draw(4)
    if (how < 2) leader.say(leads(leader, epoch))
    // Nobody has heard that it leads.
    else if (how === 2) masters[draw(3)]!.hangUp()
    else for (const one of masters) one.hangUp()
    const now = leader
    link.send(new WorkerHeartbeatT('hello'))
    await seen.next((event) => {
      if (event.kind === 'message' && event.body instanceof WorkerRegisteredT)
        return event.body.masterUrl === now.url && event.body.epoch === epoch
      return false
    })
  }
})
