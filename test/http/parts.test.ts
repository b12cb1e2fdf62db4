/** Answers that are too long to be made at once: what their peers get, and what they cost while they are sent. */
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { json, longJson, type Answer } from '../../src/http/answer.js'
import type { Json, JsonItems } from '../../src/http/json-text.js'
import { PageServer } from '../../src/http/page-server.js'
import { partChars } from '../../src/http/parts.js'

const servers: PageServer[] = []
const requests: ClientRequest[] = []
const faults: string[] = []

afterEach(async () => {
  for (const request of requests.splice(0)) request.destroy()
  await Promise.all(servers.splice(0).map((server) => server.close()))
  expect(faults.splice(0)).toEqual([])
})

/** @returns who asks it and gets the head of the answer */
async function serving(answer: (target: string) => Answer) {
  const server = new PageServer({
    what: 'the pages',
    portKey: 'port',
    host: '127.0.0.1',
    port: 0,
    maxRetries: 0,
    daemon: 'test',
    answer: async ({ target }) => answer(target),
    onFault: (error) => faults.push(error.message),
  })
  servers.push(server)
  const port = await server.listen()
  return async (
    path: string,
    { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
  ): Promise<IncomingMessage> => {
    const request = httpRequest({ host: '127.0.0.1', port, path, method, headers })
    requests.push(request)
    request.end()
    const [head] = (await once(request, 'response')) as [IncomingMessage]
    request.on('error', () => {})
    return head
  }
}

async function bytesOf(answer: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of answer) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

const item = { text: 'x'.repeat(1000) }
const itemsOfPart = Math.ceil(partChars / 1000)
const long = 20 * itemsOfPart

/** A list that tells how many of its items have been made, and whether it is over. */
function counted(count: number) {
  const made = { items: 0, over: false }
  const items: JsonItems = function* () {
    try {
      for (; made.items < count; made.items += 1) yield item
    } finally {
      made.over = true
    }
  }
  return { made, items }
}

describe('the text', () => {
  const fields = fc.array(
    fc.tuple(
      fc.string(),
      fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue())) as fc.Arbitrary<Json>,
      fc.boolean(),
    ),
    { maxLength: 6 },
  )

  test('U19: item by item it is what it would be at once', async () => {
    await fc.assert(
      fc.asyncProperty(fields, async (drawn) => {
        const distinct = new Map(drawn.map(([name, value, lazy]) => [`_${name}`, { value, lazy }]))
        const atOnce = Object.fromEntries([...distinct].map(([name, { value }]) => [name, value]))
        const { body } = longJson(
          [...distinct].map(([name, { value, lazy }]) => [
            name,
            lazy && Array.isArray(value) ? () => value as Json[] : value,
          ]),
        )
        expect(body).toBe(json(atOnce).body)
      }),
    )
  })

  test('a short one is sent whole, with its length; a long one in parts, as it is read', async () => {
    const { made, items } = counted(long)
    const ask = await serving((path) =>
      path === '/long' ? longJson([['all', items]]) : longJson([['all', [item]]]),
    )
    const short = await ask('/short')
    expect(short.headers).toMatchObject({
      'content-length': String((json({ all: [item] }).body as string).length),
    })
    expect((await bytesOf(short)).toString()).toBe(json({ all: [item] }).body)
    const answer = await ask('/long')
    expect(answer.headers).toMatchObject({ 'content-type': 'text/json;charset=utf-8' })
    expect(answer.headers['content-length']).toBeUndefined()
    const all = Array.from({ length: long }, () => item)
    expect((await bytesOf(answer)).toString()).toBe(json({ all }).body)
    expect(made).toEqual({ items: long, over: true })
  })

  test('U19: compressed for who can read that', async () => {
    const ask = await serving(() => longJson([['all', counted(long).items]]))
    const answer = await ask('/', { headers: { 'accept-encoding': 'gzip' } })
    expect(answer.headers['content-encoding']).toBe('gzip')
    const all = Array.from({ length: long }, () => item)
    expect(gunzipSync(await bytesOf(answer)).toString()).toBe(json({ all }).body)
  })

  test('HEAD makes nothing but the first part', async () => {
    const { made, items } = counted(long)
    const ask = await serving(() => longJson([['all', items]]))
    const answer = await ask('/', { method: 'HEAD' })
    expect(answer.statusCode).toBe(200)
    expect(await bytesOf(answer)).toHaveLength(0)
    expect(made.items).toBeLessThanOrEqual(itemsOfPart)
  })
})

describe('while it is sent', () => {
  /** More than any buffer on the way takes. */
  const endless = 2_000_000

  test('who does not read gets no more than fits on the way, and others are answered', async () => {
    const { made, items } = counted(endless)
    const ask = await serving((path) =>
      path === '/endless' ? longJson([['all', items]]) : longJson([['all', [item]]]),
    )
    const stalled = await ask('/endless')
    stalled.pause()
    let before = -1
    // It has stalled when two answers later nothing more has been made.
    const still = async (): Promise<boolean> => {
      before = made.items
      for (let turn = 0; turn < 2; turn += 1)
        expect((await bytesOf(await ask('/short'))).length).toBeGreaterThan(1000)
      return made.items === before
    }
    await expect.poll(still).toBe(true)
    expect(made.items).toBeLessThan(endless)
    expect(made.over).toBe(false)
    stalled.destroy()
    await expect.poll(() => made.over).toBe(true)
    expect(made.items).toBeLessThan(endless)
  })

  test('who goes away in the midst ends it, and that is no fault', async () => {
    const { made, items } = counted(endless)
    const ask = await serving(() => longJson([['all', items]]))
    const answer = await ask('/', { headers: { 'accept-encoding': 'gzip' } })
    await once(answer, 'data')
    answer.destroy()
    await expect.poll(() => made.over).toBe(true)
    expect(made.items).toBeLessThan(endless)
  })

  test.each([{}, { 'accept-encoding': 'gzip' }])(
    'what fails in its midst ends the connection, so that nobody takes it for whole: %j',
    async (headers) => {
      const ask = await serving(() =>
        longJson([
          [
            'all',
            function* () {
              yield* counted(long).items()
              throw new Error('a row without a name')
            },
          ],
        ]),
      )
      const answer = await ask('/', { headers })
      await expect(bytesOf(answer)).rejects.toThrow(/aborted/)
      expect(answer.complete).toBe(false)
      await expect.poll(() => faults).toEqual(['a row without a name'])
      faults.length = 0
    },
  )
})
