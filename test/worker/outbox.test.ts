/** Messages that are given in one go travel together. */
import { expect, test } from 'vitest'

import { Outbox } from '../../src/worker/launcher/outbox.js'

test('what is given in one go is sent as one, in its order, and no later than its end', async () => {
  const sent: (readonly number[])[] = []
  const outbox = new Outbox<number>((messages) => sent.push(messages))
  outbox.post(1)
  outbox.post(2)
  expect(sent).toEqual([])
  await Promise.resolve()
  expect(sent).toEqual([[1, 2]])
  outbox.post(3)
  await Promise.resolve()
  expect(sent).toEqual([[1, 2], [3]])
})

test('of many the first go at once, and each goes once', async () => {
  const sent: (readonly number[])[] = []
  const outbox = new Outbox<number>((messages) => sent.push(messages))
  const all = Array.from({ length: 50 }, (_, index) => index)
  for (const message of all) outbox.post(message)
  expect(sent.length).toBeGreaterThan(1)
  await Promise.resolve()
  expect(sent.flat()).toEqual(all)
})
