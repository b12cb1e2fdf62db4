import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { BackOff } from '../../src/control/back-off.js'
import { encode } from '../../src/control/codec.js'
import { MAX_BACK_OFF_MS, MIN_BACK_OFF_MS } from '../../src/control/limits.js'
import { RefusedT, WorkerHeartbeatT } from '../../src/schema/magneto.js'
import { ownAddress } from '../own-address.js'
import { linkTo, listOf, lost, master, opened, stopAll, stops } from './fake-master.js'

afterEach(stopAll)

const host = ownAddress()

describe('master link', () => {
  test('finds the control port, then messages go both ways', async () => {
    const { control, seen: heard, port } = await master()
    const { link, seen } = linkTo(`spark://${host}:${port}`)
    expect(link.send(new WorkerHeartbeatT('too early'))).toBe(false)
    await seen.next(opened)
    expect(link.send(new WorkerHeartbeatT('w'))).toBe(true)
    await heard.next((event) => event.kind === 'message')
    control.send(1, encode(new RefusedT('no')))
    expect(await seen.next((event) => event.kind === 'message')).toEqual({
      kind: 'message',
      body: new RefusedT('no'),
    })
  })

  test('comes back after the master did', async () => {
    const first = await master()
    const { link, seen } = linkTo(first.url)
    await seen.next(opened)
    await first.stop()
    expect(await seen.next(lost)).toMatchObject({ reason: 'gone' })
    expect(link.open).toBe(false)
    const second = await master({ port: first.port })
    await seen.next(opened, seen.events.findIndex(lost))
    await second.seen.next((event) => event.kind === 'connected')
    expect(seen.events.map(({ kind }) => kind)).toEqual(['open', 'close', 'open'])
  })

  test('goes through the list of masters until one answers', async () => {
    const dead = await master()
    await dead.stop()
    const alive = await master()
    const { seen } = linkTo(listOf(dead, alive))
    await seen.next(opened)
    await alive.seen.next((event) => event.kind === 'connected')
  })

  test.each([
    ['not json', /not answered with JSON/],
    ['{"protocol":2,"port":1,"path":"/"}', /control protocol 2/],
    ['{"protocol":1,"port":"x","path":"/"}', /no control port/],
    [' '.repeat(5000), /over 4096 bytes/],
  ])('says what is wrong with the answer %#', async (answer, expected) => {
    const { port } = await master({ answer })
    const { log } = linkTo(`spark://${host}:${port}`)
    expect(await log.next((line) => line.includes("can't reach"))).toMatch(expected)
  })

  test('a message that is none costs the connection, and a new one is made', async () => {
    const { control, port } = await master()
    const { seen, log } = linkTo(`spark://${host}:${port}`)
    await seen.next(opened)
    control.send(1, new Uint8Array(40))
    await seen.next(lost)
    await log.next((line) => line.includes('what is no message'))
    await seen.next(opened, seen.events.findIndex(lost))
  })

  test('a message over the limit costs the connection', async () => {
    const { control, port } = await master()
    const { seen } = linkTo(`spark://${host}:${port}`, { maxMessageBytes: 1000 })
    await seen.next(opened)
    control.send(1, new Uint8Array(1001))
    expect(await seen.next(lost)).toMatchObject({
      reason: expect.stringMatching(/payload size exceeded/i),
    })
  })

  test('a master that falls silent loses the connection', async () => {
    const silent = new WebSocketServer({ port: 0, host, autoPong: false })
    stops.push(() => {
      for (const client of silent.clients) client.terminate()
      silent.close()
    })
    await new Promise((resolve) => silent.once('listening', resolve))
    const { port } = silent.address() as AddressInfo
    const { port: found } = await master({
      answer: JSON.stringify({ protocol: 1, port, path: '/control/v1' }),
    })
    const { seen } = linkTo(`spark://${host}:${found}`, { pingIntervalMs: 5, idleTimeoutMs: 20 })
    await seen.next(opened)
    expect(await seen.next(lost)).toEqual({
      kind: 'close',
      reason: 'nothing was heard from the master for 20 ms',
    })
  })

  test('close is the end: no onClose, and the master sees it', async () => {
    const { seen: heard, port } = await master()
    const { link, seen } = linkTo(`spark://${host}:${port}`)
    await seen.next(opened)
    link.close()
    await heard.next((event) => event.kind === 'disconnected')
    expect(seen.events.map(({ kind }) => kind)).toEqual(['open'])
    expect(link.send(new WorkerHeartbeatT('w'))).toBe(false)
  })

  test('a malformed URL is refused at once', () => {
    expect(() => linkTo('http://x')).toThrow(/expected spark:\/\//)
  })
})

describe('back-off', () => {
  test('grows to its bound, with jitter, and starts anew', () => {
    const backOff = new BackOff()
    const longest = Array.from({ length: 12 }, () => backOff.next(0.999999))
    expect(longest[0]).toBe(MIN_BACK_OFF_MS)
    expect(longest.at(-1)).toBe(MAX_BACK_OFF_MS)
    expect(longest).toEqual(longest.toSorted((a, b) => a - b))
    expect(backOff.next(0)).toBe(MAX_BACK_OFF_MS / 2)
    backOff.reset()
    expect(backOff.next(0)).toBe(MIN_BACK_OFF_MS / 2)
  })
})
