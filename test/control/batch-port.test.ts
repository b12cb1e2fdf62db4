import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, test } from 'vitest'

import {
  BatchPort,
  RING_BYTES,
  sharedRings,
  type PostedBatch,
} from '../../src/control/batch-port.js'

/** Both ends in this thread; what is posted waits to be received. */
function pair() {
  const rings = sharedRings()
  const posted: PostedBatch[] = []
  const port = { postMessage: (message: PostedBatch) => void posted.push(message) }
  const sender = BatchPort.ofMain(port, rings)
  const receiver = BatchPort.ofThread(port, rings)
  return { sender, receiver, posted, next: () => receiver.receive(posted.shift()!) }
}

/** Bytes that tell which batch they are of. */
const batchOf = (seed: number, byteLength: number): Uint8Array =>
  Uint8Array.from({ length: byteLength }, (_, at) => (seed * 31 + at * 7) & 0xff)

describe('batches between threads', () => {
  test('small ones lie in the ring until the next one is read', () => {
    const { sender, receiver, posted, next } = pair()
    const batch = batchOf(1, 48)
    sender.post(batch)
    batch.fill(0)
    sender.post(batchOf(2, 32))
    expect(posted).toEqual([48, 32])
    const first = next()
    while (typeof posted.at(-1) === 'number') sender.post(batchOf(3, 64))
    expect([...first]).toEqual([...batchOf(1, 48)])
    const second = receiver.take(posted.shift()!)
    for (let turn = 0; turn < 4; turn++) {
      while (posted.length > 0) next()
      sender.post(batchOf(4, RING_BYTES / 2))
    }
    expect([...second]).toEqual([...batchOf(2, 32)])
  })

  test('one lies across the end of the ring', () => {
    const { sender, posted, next } = pair()
    const sizes = [8, 40, 4096, 65_536, 1000 * 8, RING_BYTES / 2 - 8]
    for (let seed = 0; seed < 60; seed++) {
      const batch = batchOf(seed, sizes[seed % sizes.length]!)
      sender.post(batch)
      expect(posted).toEqual([batch.byteLength])
      expect(Buffer.compare(next(), batch)).toBe(0)
    }
  })

  test('what has no room is transferred, and all stay in their order', () => {
    const { sender, posted, next } = pair()
    const batches = Array.from({ length: 12 }, (_, seed) => batchOf(seed, 48 * 1024))
    for (const batch of batches) sender.post(batch)
    const kinds = () => posted.map((message) => typeof message)
    expect(kinds()).toEqual([...Array(5).fill('number'), ...Array(7).fill('object')])
    expect(Buffer.compare(next(), batches[0]!)).toBe(0)
    const late = batchOf(99, 16)
    sender.post(late)
    expect(kinds().at(-1)).toBe('number')
    for (const batch of batches.slice(1)) expect(Buffer.compare(next(), batch)).toBe(0)
    expect([...next()]).toEqual([...late])
  })

  test('one that is larger than the ring is transferred, as bytes of its own', () => {
    const { sender, posted, next } = pair()
    const batch = batchOf(5, RING_BYTES + 8)
    sender.post(batch)
    batch.fill(0)
    expect(typeof posted[0]).toBe('object')
    expect(Buffer.compare(next(), batchOf(5, RING_BYTES + 8))).toBe(0)
  })

  test('counts go round at 2^32 bytes', () => {
    const { sender, posted, next } = pair()
    const batch = batchOf(6, RING_BYTES / 2 - 24)
    for (let bytes = 0; bytes < 2 ** 32 + 2 ** 20; bytes += batch.byteLength) {
      sender.post(batch)
      if (typeof posted[0] !== 'number') throw new Error(`full after ${bytes} bytes`)
      const read = next()
      if (bytes % 2 ** 29 > batch.byteLength && bytes < 2 ** 32 - 2 ** 20) continue
      expect(Buffer.compare(read, batch)).toBe(0)
    }
  })

  test('without a ring everything is transferred', () => {
    const posted: PostedBatch[] = []
    const port = BatchPort.ofThread({ postMessage: (message) => void posted.push(message) })
    port.post(batchOf(7, 32))
    expect([...port.receive(posted[0]!)]).toEqual([...batchOf(7, 32)])
    expect(() => port.receive(32)).toThrow('a ring that is not there')
  })
})

describe('two threads', () => {
  let thread: Worker | null = null
  afterEach(() => thread?.terminate())

  test('get all there and back in order, while both write as fast as they can', async () => {
    const rings = sharedRings()
    const built = new URL('../../dist/src/control/batch-port.js', import.meta.url)
    const echo = `
      import { parentPort, workerData } from 'node:worker_threads'
      import { BatchPort } from ${JSON.stringify(built)}
      const port = BatchPort.ofThread(parentPort, workerData.rings)
      parentPort.on('message', (message) => port.post(port.receive(message)))`
    thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(echo)}`), {
      workerData: { rings },
    })
    const port = BatchPort.ofMain(thread, rings)
    const count = 3000
    const sizeOf = (seed: number) => 8 * (1 + ((seed * 2654435761) % 4001))
    let transferred = 0
    let back = 0
    const done = new Promise<void>((resolve, reject) => {
      thread?.on('error', reject)
      thread?.on('message', (message: PostedBatch) => {
        if (typeof message !== 'number') transferred++
        const batch = port.receive(message)
        if (Buffer.compare(batch, batchOf(back, sizeOf(back))) !== 0)
          reject(new Error(`batch ${back} came back as something else`))
        if (++back === count) resolve()
      })
    })
    for (let seed = 0; seed < count; seed++) port.post(batchOf(seed, sizeOf(seed)))
    await done
    expect(transferred).toBeGreaterThan(0)
    expect(transferred).toBeLessThan(count)
  })
})
