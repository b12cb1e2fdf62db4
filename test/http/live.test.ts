/** Pages that many ask for: what is shared, for how long, and what one gets that has it already. */
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import type { Answer } from '../../src/http/answer.js'
import {
  livePage,
  revalidated,
  sharedFreshMs,
  sharedMax,
  SharedAnswers,
} from '../../src/http/live.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const made = (body: string): Promise<Answer> => Promise.resolve(livePage(body))

test('what is asked for while it is made, and shortly after, is made once', async () => {
  const shared = new SharedAnswers()
  let count = 0
  let finish!: (answer: Answer) => void
  const make = () => {
    count += 1
    return new Promise<Answer>((resolve) => (finish = resolve))
  }
  const both = [shared.get('/', make), shared.get('/', make)]
  // However long it takes, it is as new as its end.
  await vi.advanceTimersByTimeAsync(10 * sharedFreshMs)
  const third = shared.get('/', make)
  finish(livePage('now'))
  await Promise.all([...both, third])
  await vi.advanceTimersByTimeAsync(sharedFreshMs - 1)
  expect((await shared.get('/', make)).body).toBe('now')
  expect(count).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(shared.size).toBe(0)
  void shared.get('/', make)
  expect(count).toBe(2)
})

test('other keys are other answers', async () => {
  const shared = new SharedAnswers()
  const bodies = await Promise.all(['a', 'b'].map((key) => shared.get(key, () => made(key))))
  expect(bodies.map(({ body }) => body)).toEqual(['a', 'b'])
})

test('a failure is told to all who wait, and forgotten as the rest', async () => {
  const shared = new SharedAnswers()
  const fails = () => Promise.reject(new Error('no view'))
  await Promise.all([
    expect(shared.get('/', fails)).rejects.toThrow('no view'),
    expect(shared.get('/', fails)).rejects.toThrow('no view'),
  ])
  await vi.advanceTimersByTimeAsync(sharedFreshMs)
  expect((await shared.get('/', () => made('well'))).body).toBe('well')
})

test('no more are kept than may be, and the others are answered as well', async () => {
  const shared = new SharedAnswers()
  for (let at = 0; at < sharedMax + 5; ++at) {
    const { body } = await shared.get(`/?${at}`, () => made(String(at)))
    expect(body).toBe(String(at))
  }
  expect(shared.size).toBe(sharedMax)
})

test('who has it hears so; who has another one gets it', () => {
  const answer = livePage('one')
  const tag = answer.headers?.['ETag'] ?? ''
  expect(tag).toMatch(/^W\/"[\w-]{22}"$/)
  expect(livePage('two').headers?.['ETag']).not.toBe(tag)
  for (const known of [tag, `"x", ${tag}`]) {
    expect(revalidated(answer, known)).toMatchObject({
      status: 304,
      body: '',
      headers: { ETag: tag },
    })
  }
  for (const known of [undefined, '', '"x"', tag.slice(2)])
    expect(revalidated(answer, known)).toBe(answer)
})

test('it is compressed once, and only for who asks', async () => {
  vi.useRealTimers()
  const answer = livePage('much '.repeat(1000))
  const packed = await Promise.all([answer.packed?.(), answer.packed?.()])
  expect(packed[0]).toBe(packed[1])
  expect(gunzipSync(packed[0] ?? Buffer.of()).toString()).toBe(answer.body)
})
