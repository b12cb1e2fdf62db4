/** Asks of the core for whoever speaks HTTP: what becomes of those that get no answer. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  answerWaitMs,
  AskSession,
  asksWaitingMax,
  Unanswered,
  type AskRecord,
} from '../../src/control/ask-session.js'
import { decode, encode } from '../../src/control/codec.js'
import { InboxKind, OutboxKind } from '../../src/control/records.js'
import { ReplyT, RequestReadyzT } from '../../src/schema/magneto.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function start() {
  const posted: AskRecord[] = []
  let session = 6
  const asks = new AskSession({
    peer: 'me',
    nextSession: () => ++session,
    post: (records) => void posted.push(...records),
  })
  const ask = () => asks.ask((requestId) => new RequestReadyzT(requestId))
  const answer = (requestId: number, of = 7) =>
    asks.receive({
      kind: OutboxKind.SEND,
      session: of,
      argument: 0,
      attached: false,
      payload: encode(new ReplyT(requestId, true)),
    })
  return { asks, ask, answer, posted }
}

test('one session opens with the first request; answers find theirs', async () => {
  const { ask, answer, posted } = start()
  const both = [ask(), ask()]
  expect(posted.map(({ kind, session }) => [kind, session])).toEqual([
    [InboxKind.CONNECTED, 7],
    [InboxKind.MESSAGE, 7],
    [InboxKind.MESSAGE, 7],
  ])
  expect(decode(posted[2]!.payload as Uint8Array)).toEqual(new RequestReadyzT(2))
  expect(answer(2, 8)).toBe(false)
  expect([answer(2), answer(1)]).toEqual([true, true])
  expect(await Promise.all(both)).toMatchObject([{ requestId: 1 }, { requestId: 2 }])
})

test('a master that does not answer is given up on, and its late answer is dropped', async () => {
  const { ask, answer } = start()
  const asked = expect(ask()).rejects.toThrow(new Unanswered('the master did not answer in time'))
  vi.advanceTimersByTime(answerWaitMs)
  await asked
  expect(answer(1)).toBe(true)
})

test('so many wait and no more; a close ends them all', async () => {
  const { asks, ask } = start()
  const waiting = Promise.allSettled(Array.from({ length: asksWaitingMax }, ask))
  await expect(ask()).rejects.toThrow(`${asksWaitingMax} commands wait for the master`)
  asks.close()
  for (const one of await waiting)
    expect(one).toMatchObject({
      status: 'rejected',
      reason: new Unanswered('the master is stopping'),
    })
})
