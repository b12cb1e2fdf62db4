/** D3, D5: executors whose worker leaves. */
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'

import { ConnectedExecutor, Dispatcher } from '../../src/app/dispatcher.js'
import { type DriverMessage, ResultStatus } from '../../src/app/protocol.js'
import type { PoolTask } from '../../src/app/task-queue.js'
import { ExecutorState, ExecutorUpdatedT } from '../../src/schema/magneto.js'
import { FakeCluster, temporaryFile } from './fake-cluster.js'

const decommissioned = (id: number) =>
  new ExecutorUpdatedT(id, ExecutorState.DECOMMISSIONED, 'worker decommissioned', null, '127.0.0.1')

async function appears(path: string): Promise<void> {
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('D3: what runs there goes on and counts, what is new runs elsewhere, and nobody hears an error', async () => {
  const cluster = new FakeCluster()
  const pool = cluster.pool({ maxRetries: 0 })
  const warnings: string[] = []
  pool.on('warning', (text) => warnings.push(text))
  const [mine, other] = [temporaryFile('runs'), temporaryFile('go')]
  const running = pool.run({ mine, other }, { name: 'waitForFile' })
  await appears(mine)
  const waiting = pool.run(null, { name: 'pid' })
  cluster.tell(decommissioned(0))
  const [old] = cluster.children.values()
  cluster.launch()
  const pid = await waiting
  expect(pid).not.toBe(old!.pid)
  writeFileSync(other, '')
  const left = once(old!, 'exit')
  expect(await running).toBe(old!.pid)
  // Nothing is left for it to do.
  expect(await left).toEqual([0, null])
  expect(await pool.run(null, { name: 'pid' })).toBe(pid)
  expect(warnings).toEqual([])
  await pool.destroy()
})

test('D5: its end is no loss for a task that ran there', async () => {
  const cluster = new FakeCluster()
  const pool = cluster.pool({ maxRetries: 0 })
  const removed = new Promise<{ reason: string }>((resolve) => {
    pool.once('executorRemoved', resolve)
  })
  const [mine, other] = [temporaryFile('runs'), temporaryFile('go')]
  const running = pool.run({ mine, other }, { name: 'waitForFile' })
  await appears(mine)
  cluster.tell(decommissioned(0))
  writeFileSync(other, '')
  const [old] = cluster.children.values()
  old!.kill('SIGKILL')
  expect(await running).toEqual(expect.any(Number))
  expect((await removed).reason).toContain('it was decommissioned')
  await pool.destroy()
})

test('one that is decommissioned before it has connected gets nothing and goes', async () => {
  const cluster = new FakeCluster()
  const pool = cluster.pool()
  await pool.ready()
  cluster.tell(decommissioned(0))
  const task = pool.run(null, { name: 'pid' })
  const [old] = cluster.children.values()
  const left = once(old!, 'exit')
  await new Promise((resolve) => pool.once('executorAdded', resolve))
  cluster.launch()
  expect(await left).toEqual([0, null])
  expect(await task).not.toBe(old!.pid)
  await pool.destroy()
})

function queued(id: number): PoolTask {
  const payload = new Uint8Array(1)
  const forget = () => {}
  return {
    id,
    name: 'default',
    payload,
    losses: 0,
    settled: false,
    resolve: forget,
    reject: forget,
    forgetSignal: null,
  }
}

test('what waits on it is called back until nothing does', async () => {
  const dispatcher = new Dispatcher(0)
  const sent: DriverMessage[] = []
  const executor = new ConnectedExecutor(
    { appId: 'app', id: '0', host: 'h', cores: 1 },
    { writable: true, send: (message) => sent.push(message), disconnect: () => {} },
  )
  executor.averageMs = 1
  dispatcher.executors.add(executor)
  for (let id = 0; id < 5; id++) dispatcher.queue.push(queued(id))
  dispatcher.schedule()
  await new Promise(setImmediate)
  expect(executor.inFlight.size).toBe(5)
  // Half of it is being called back when the news comes.
  executor.recalling = true
  dispatcher.decommission(executor)
  dispatcher.decommission(executor)
  expect(sent.slice(1)).toEqual([])
  dispatcher.giveBack(executor, [3, 4])
  expect(sent.slice(1)).toEqual([{ kind: 'recall', count: 4096 }])
  dispatcher.giveBack(executor, [1, 2])
  dispatcher.giveBack(executor, [])
  dispatcher.finish(executor, [
    { id: 0, status: ResultStatus.DONE, runMs: 1, payload: new Uint8Array() },
  ])
  await new Promise(setImmediate)
  expect(sent.slice(2)).toEqual([{ kind: 'recall', count: 4096 }, { kind: 'stop' }])
  expect(executor.inFlight.size).toBe(0)
  expect(dispatcher.queue.size).toBe(4)
})
