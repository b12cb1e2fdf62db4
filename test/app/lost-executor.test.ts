import { EventEmitter } from 'node:events'
import { expect, onTestFinished, test, vi } from 'vitest'

import { DriverServer } from '../../src/app/driver-server.js'
import { ApplicationRemovedError, ExecutorLostError } from '../../src/app/errors.js'
import { EXIT_NEWS_MS } from '../../src/app/limits.js'
import { ApplicationRemovedT, ExecutorState, ExecutorUpdatedT } from '../../src/schema/magneto.js'
import { FakeCluster, temporaryFile } from './fake-cluster.js'

test('kill -9 amid a task: the task is retried elsewhere and the result is right', async () => {
  const pool = new FakeCluster(2).pool()
  const removed = new Promise<{ exitStatus: number | null }>((resolve) => {
    pool.once('executorRemoved', resolve)
  })
  const task = { path: temporaryFile('killed'), value: 'right' }
  const others = Array.from({ length: 50 }, (_, index) => pool.run(index))
  expect(await pool.run(task, { name: 'killOnce' })).toBe('right')
  expect(await Promise.all(others)).toHaveLength(50)
  expect((await removed).exitStatus).toBe(137)
  await pool.destroy()
})

test('a driver that is busy while its executor ends still hears how it ended', async () => {
  const pool = new FakeCluster().pool()
  await pool.run(1)
  const busy = new Int32Array(new SharedArrayBuffer(4))
  const emits = vi.spyOn(DriverServer.prototype, 'emit').mockImplementation(function (
    this: EventEmitter,
    event: string,
    ...told: unknown[]
  ) {
    const isHeard = EventEmitter.prototype.emit.call(this, event, ...told)
    if (event === 'closed') Atomics.wait(busy, 0, 0, 2 * EXIT_NEWS_MS)
    return isHeard
  })
  onTestFinished(() => emits.mockRestore())
  const removed = new Promise<{ exitStatus: number | null }>((resolve) => {
    pool.once('executorRemoved', resolve)
  })
  expect(await pool.run({ path: temporaryFile('killed'), value: 7 }, { name: 'killOnce' })).toBe(7)
  expect((await removed).exitStatus).toBe(137)
  await pool.destroy()
})

test('a task that always kills its executor is rejected, and innocent ones are not', async () => {
  const pool = new FakeCluster().pool({ maxRetries: 1 })
  const poison = pool.run(null, { name: 'killAlways' }).catch((error: unknown) => error)
  const others = Array.from({ length: 20 }, (_, index) => pool.run(index))
  expect(await poison).toBeInstanceOf(ExecutorLostError)
  expect(String(await poison)).toContain('exit status 137')
  expect(await Promise.all(others)).toEqual(others.map((_, index) => index * 2))
  await pool.destroy()
})

test('the master removes the application: everything is rejected with its reason', async () => {
  const cluster = new FakeCluster(0)
  const pool = cluster.pool()
  await pool.ready()
  const waiting = pool.run(1)
  cluster.tell(new ApplicationRemovedT('killed by the operator'))
  await expect(waiting).rejects.toThrow(ApplicationRemovedError)
  await expect(pool.run(2)).rejects.toThrow('killed by the operator')
  await pool.destroy()
})

test('L2: after the link was lost the pool registers anew and its tasks go on', async () => {
  const cluster = new FakeCluster()
  const pool = cluster.pool()
  expect(await pool.run(1)).toBe(2)
  cluster.reconnect()
  expect(pool.applicationId).toBe('app-2')
  expect(await pool.run(2)).toBe(4)
  await pool.destroy()
})

test('L6: an executor that the master calls lost is given up though its connection is open', async () => {
  const cluster = new FakeCluster()
  const pool = cluster.pool()
  await pool.run(1)
  const [child] = cluster.children.values()
  child!.kill('SIGSTOP')
  const task = pool.run(3)
  cluster.tell(new ExecutorUpdatedT(0, ExecutorState.LOST, 'worker lost', null, '127.0.0.1'))
  cluster.launch()
  expect(await task).toBe(6)
  child!.kill('SIGKILL')
  await pool.destroy()
})
