/** Which master a link goes to, where it finds that one, and how long it waits for one. */
import type { LookupAddress } from 'node:dns'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { WebSocketServer } from 'ws'
import { BackOff } from '../../src/control/back-off.js'
import { CONNECT_TIMEOUT_MS, MIN_BACK_OFF_MS } from '../../src/control/limits.js'
import { oneAtATime, type Lookup } from '../../src/control/lookup.js'
import { ownAddress } from '../own-address.js'
import { linkTo, lost, master, noPauses, opened, stopAll, stops } from './fake-master.js'
import { Recorder } from './recorder.js'

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)

afterEach(async () => {
  vi.useRealTimers()
  await stopAll()
})

const [here, there] = [
  { address: ownAddress(0), family: 4 },
  { address: ownAddress(1), family: 4 },
]
/** Nobody listens there. */
const nowhere = { address: ownAddress(2), family: 4 }

/** Answers with one of `answers` after the other, and with the last one for ever. */
function lookupOf(...answers: (LookupAddress[] | Error)[]) {
  const asked: string[] = []
  const lookup: Lookup = async (host) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)]!
    asked.push(host)
    if (answer instanceof Error) throw answer
    return answer
  }
  return { lookup, asked }
}

function notFound(): Error {
  return Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
}

/** Takes connections and says nothing. */
async function silentServer() {
  const seen = new Recorder<'connected' | 'gone'>()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    seen.add('connected')
    socket.resume()
    socket.on('error', () => {})
    socket.on('close', () => seen.add('gone'))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, here.address, resolve)
  })
  stops.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { seen, port: (server.address() as AddressInfo).port }
}

describe('W19: a master is found by its name, anew each time', () => {
  test('one that comes back with another address', async () => {
    const first = await master()
    const { lookup, asked } = lookupOf([here], [here], [there])
    const { backOff, seen: attempts } = noPauses()
    const { seen } = linkTo(`spark://master.example:${first.port}`, { lookup, backOff })
    await seen.next(opened)
    await first.stop()
    const second = await master({ host: there.address, port: first.port })
    await seen.next(opened, seen.events.findIndex(lost))
    await second.seen.next((event) => event.kind === 'connected')
    // Once for the first attempt, and for each after a pause.
    expect(asked).toEqual(Array.from({ length: 1 + attempts.pauses }, () => 'master.example'))
    expect(asked.length).toBeGreaterThanOrEqual(3)
  })

  test('one whose old machine has vanished without a word', async () => {
    const silent = new WebSocketServer({ port: 0, host: here.address, autoPong: false })
    stops.push(() => {
      for (const client of silent.clients) client.terminate()
      silent.close()
    })
    await new Promise((resolve) => silent.once('listening', resolve))
    const { port } = silent.address() as AddressInfo
    const answer = JSON.stringify({ protocol: 1, port, path: '/control/v1' })
    const before = await master({ answer })
    const after = await master({ host: there.address, port: before.port })
    const { lookup } = lookupOf([here], [there])
    const { seen } = linkTo(`spark://master.example:${before.port}`, {
      lookup,
      ...noPauses(),
      pingIntervalMs: 5,
      idleTimeoutMs: 20,
    })
    await seen.next(opened)
    expect(await seen.next(lost)).toMatchObject({ reason: expect.stringContaining('was heard') })
    await after.seen.next((event) => event.kind === 'connected')
  })

  test('one of which some addresses lead nowhere', async () => {
    const { port, seen: heard } = await master({ host: there.address })
    const { lookup } = lookupOf([nowhere, { address: '::1', family: 6 }, there])
    const { seen } = linkTo(`spark://master.example:${port}`, { lookup })
    await seen.next(opened)
    await heard.next((event) => event.kind === 'connected')
    expect(seen.events.length).toBe(1)
  })

  test('the control link goes to the machine that named it, whoever else has the name', async () => {
    const one = await master({ host: here.address })
    const other = await master({ host: there.address, port: one.port })
    const { lookup, asked } = lookupOf([there, here], [here, there])
    const { seen } = linkTo(`spark://masters.example:${one.port}`, { lookup })
    await seen.next(opened)
    await other.seen.next((event) => event.kind === 'connected')
    expect(one.seen.events).toEqual([])
    expect(asked.length).toBe(1)
  })

  test('one whose name is not known yet is waited for, and that is said aloud once', async () => {
    const { port } = await master()
    const { lookup } = lookupOf(notFound(), notFound(), notFound(), [], [here])
    const { backOff, seen: pauses } = noPauses()
    const { seen, log } = linkTo(`spark://later.example:${port}`, { lookup, backOff })
    await seen.next(opened)
    const said = log.events.map((line) => JSON.parse(line) as { level: number; msg: string })
    const failures = said.filter(({ msg }) => msg.includes("can't reach"))
    const warn = 40
    expect(failures.map(({ level }) => level >= warn)).toEqual([true, false, false, true])
    expect(failures[0]?.msg).toContain('no address of later.example was found: ENOTFOUND')
    expect(failures[3]?.msg).toContain('later.example has no address')
    expect(pauses.pauses).toBe(4)
  })

  test('one that does not listen yet is waited for', async () => {
    const { port, stop } = await master()
    await stop()
    const { backOff } = noPauses()
    const { seen, log } = linkTo(`spark://${here.address}:${port}`, { backOff })
    await log.next((line) => line.includes('ECONNREFUSED'))
    await master({ port })
    await seen.next(opened)
  })

  test('where all addresses refuse, each says so', async () => {
    const { port, stop } = await master()
    await stop()
    const { lookup } = lookupOf([here, there])
    const { log } = linkTo(`spark://master.example:${port}`, { lookup })
    const line = await log.next((each) => each.includes("can't reach"))
    const [one, two] = [here, there].map(({ address }) => `connect ECONNREFUSED ${address}:${port}`)
    expect(line).toContain(`${one}, ${two}`)
  })

  test.skipIf(!hasIpv6)('one that is named by an IPv6 address', async () => {
    const { port, seen: heard } = await master({ host: '::1' })
    const { seen } = linkTo(`spark://[::1]:${port}`)
    await seen.next(opened)
    await heard.next((event) => event.kind === 'connected')
  })

  test('one that takes connections and says nothing is given up after a while, and asked again', async () => {
    const silent = await silentServer()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { log } = linkTo(`spark://${here.address}:${silent.port}`, noPauses())
    await silent.seen.next((event) => event === 'connected')
    vi.advanceTimersByTime(CONNECT_TIMEOUT_MS)
    await log.next((line) => line.includes(`no answer within ${CONNECT_TIMEOUT_MS} ms`))
    vi.advanceTimersByTime(1)
    await silent.seen.next((event) => event === 'connected', silent.seen.events.indexOf('gone'))
  })

  test('a name server that says nothing holds an attempt up no longer than a silent master', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const asked = new Recorder<string>()
    const lookup: Lookup = (host) => {
      asked.add(host)
      return new Promise(() => {})
    }
    const { log } = linkTo('spark://master.example:7077', { lookup, ...noPauses() })
    await asked.next(() => true)
    vi.advanceTimersByTime(CONNECT_TIMEOUT_MS)
    const late = `no address of master.example was found: no answer within ${CONNECT_TIMEOUT_MS} ms`
    await log.next((line) => line.includes(late))
    vi.advanceTimersByTime(1)
    await asked.next(() => true, 1)
  })

  test('a name server that keeps silent costs one thread, not one an attempt', async () => {
    const waiting: ((found: LookupAddress[]) => void)[] = []
    const lookup = oneAtATime(
      () =>
        new Promise((resolve) => {
          waiting.push(resolve)
        }),
    )
    const [first, second] = [lookup('a'), lookup('a')]
    void lookup('b')
    expect(waiting.length).toBe(2)
    waiting[0]!([here])
    expect(await Promise.all([first, second])).toEqual([[here], [here]])
    void lookup('a')
    expect(waiting.length).toBe(3)
  })
})

describe('T4, T5: several masters', () => {
  test('T4: one that keeps silent holds nobody up', async () => {
    const silent = await silentServer()
    const { port, seen: heard } = await master()
    const { seen } = linkTo(`spark://${here.address}:${silent.port},${here.address}:${port}`)
    await seen.next(opened)
    await heard.next((event) => event.kind === 'connected')
    await silent.seen.next((event) => event === 'connected')
    expect(seen.events.length).toBe(1)
  })

  test('T4: a thousand that lose one master at once do not come back at once', () => {
    const pauses = Array.from({ length: 1000 }, () => new BackOff().next())
    const slots = new Map<number, number>()
    for (const ms of pauses) {
      const slot = Math.floor((ms * 20) / MIN_BACK_OFF_MS)
      slots.set(slot, (slots.get(slot) ?? 0) + 1)
    }
    // A hundred in each tenth of the time if chance were perfect; five standard deviations above that.
    expect(slots.size).toBeGreaterThanOrEqual(10)
    expect(Math.max(...slots.values())).toBeLessThan(150)
  })

  test('close ends a round that is under way', async () => {
    const silent = await silentServer()
    const { link, seen } = linkTo(`spark://${here.address}:${silent.port}`)
    await silent.seen.next((event) => event === 'connected')
    link.close()
    await silent.seen.next((event) => event === 'gone')
    expect(seen.events).toEqual([])
  })
})
