import { once } from 'node:events'
import { readFileSync, watch, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'

import { AbortError, PoolClosedError, QueueFullError } from '../../src/app/errors.js'
import { type NodeCommandT, UnregisterApplicationT } from '../../src/schema/magneto.js'
import { FakeCluster, temporaryFile } from './fake-cluster.js'

async function contains(path: string, text: string): Promise<void> {
  const watcher = watch(path)
  while (readFileSync(path, 'utf8') !== text) await once(watcher, 'change')
  watcher.close()
}

test('abort: a waiting task is removed, a running one is told', async () => {
  const pool = new FakeCluster().pool()
  const running = new AbortController()
  const waiting = new AbortController()
  const path = temporaryFile('state')
  writeFileSync(path, '')
  const first = pool.run(path, { name: 'waitForAbort', signal: running.signal })
  const second = pool.run(1, { signal: waiting.signal })
  await contains(path, 'started')
  expect(pool.queueSize).toBe(1)
  waiting.abort('changed my mind')
  await expect(second).rejects.toMatchObject({ name: 'AbortError', cause: 'changed my mind' })
  expect(pool.queueSize).toBe(0)
  running.abort()
  await expect(first).rejects.toThrow(AbortError)
  await contains(path, 'aborted')
  expect(await pool.run(4)).toBe(8)
  await pool.destroy()
})

test('abort: a task that does not listen loses its thread, and the core is free again', async () => {
  const pool = new FakeCluster().pool()
  await pool.run(1)
  const controller = new AbortController()
  const stuck = pool.run(null, { name: 'never', signal: controller.signal })
  while (pool.runningTasks === 0) await new Promise(setImmediate)
  controller.abort()
  await expect(stuck).rejects.toThrow(AbortError)
  expect(await pool.run(4)).toBe(8)
  await pool.destroy()
})

test('the queue is bounded, and says when it fills and when it is empty', async () => {
  const cluster = new FakeCluster(0)
  const pool = cluster.pool({ maxQueue: 4 })
  await pool.ready()
  const full = once(pool, 'needsDrain')
  const tasks = [1, 2, 3, 4].map((value) => pool.run(value))
  await full
  await expect(pool.run(5)).rejects.toThrow(QueueFullError)
  const drained = once(pool, 'drain')
  cluster.launch()
  expect(await Promise.all(tasks)).toEqual([2, 4, 6, 8])
  await drained
  await pool.destroy()
})

test('destroy rejects what waits, unregisters, and leaves no executor and no port', async () => {
  const cluster = new FakeCluster(2)
  const pool = cluster.pool()
  await pool.run(1)
  const url = (cluster.application!.command as NodeCommandT).args[1]!
  const stuck = pool.run(null, { name: 'never' })
  const gone = cluster.gone()
  const rejected = expect(stuck).rejects.toThrow(PoolClosedError)
  await Promise.all([pool.destroy(), pool.destroy()])
  await rejected
  await gone
  expect(cluster.sent.at(-1)).toEqual(new UnregisterApplicationT('app-1'))
  const [error] = await once(new WebSocket(url), 'error')
  expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  await expect(pool.run(1)).rejects.toThrow(PoolClosedError)
})

test('close finishes what it has', async () => {
  const pool = new FakeCluster().pool()
  const tasks = [1, 2, 3].map((value) => pool.run(value))
  await pool.close()
  expect(await Promise.all(tasks)).toEqual([2, 4, 6])
})

test('the driver port refuses who does not know the secret, without repeating it', async () => {
  const cluster = new FakeCluster(0)
  const pool = cluster.pool()
  await pool.ready()
  const url = (cluster.application!.command as NodeCommandT).args[1]!
  const warning = once(pool, 'warning')
  const socket = new WebSocket(url, { headers: { authorization: 'Bearer guessed' } })
  const [error] = await once(socket, 'error')
  expect(String(error)).toContain('401')
  const [text] = await warning
  expect(text).toContain('secret')
  expect(text).not.toContain('guessed')
  await pool.destroy()
})

test('an executor whose stdin ends exits at once', async () => {
  const cluster = new FakeCluster()
  const pool = cluster.pool()
  await pool.run(1)
  const [child] = cluster.children.values()
  const exit = once(child!, 'exit')
  child!.stdin!.end()
  expect(await exit).toEqual([3, null])
  expect(await pool.run(2)).toBe(4)
  await pool.destroy()
})
