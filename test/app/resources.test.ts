/** G4, P69: custom resources of Node executors. */
import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'

import { ResourceAmountT } from '../../src/schema/magneto.js'
import { FakeCluster, temporaryFile } from './fake-cluster.js'

test('what an executor takes is asked for in its profile', async () => {
  const cluster = new FakeCluster(0)
  const pool = cluster.pool({ executorResources: { gpu: 2, fpga: 1 } })
  await pool.ready()
  expect(cluster.application?.defaultProfile?.resources).toEqual([
    new ResourceAmountT('gpu', 2),
    new ResourceAmountT('fpga', 1),
  ])
  await pool.destroy()
})

test('W8: tasks see the addresses that the worker wrote into the file', async () => {
  const cluster = new FakeCluster(0)
  const pool = cluster.pool()
  await pool.ready()
  const file = temporaryFile('resource-executor-0.json')
  const id = { componentName: 'spark.executor', resourceName: 'gpu' }
  writeFileSync(file, JSON.stringify([{ id, addresses: ['1', '3'] }]))
  cluster.launch(['--resourcesFile', file])
  expect(await pool.run(null, { name: 'resources' })).toEqual({ gpu: ['1', '3'] })
  await pool.destroy()
})

test('without any there is nothing to see', async () => {
  const pool = new FakeCluster().pool()
  expect(await pool.run(null, { name: 'resources' })).toEqual({})
  await pool.destroy()
})

test('an executor that can not read its resources does not run tasks without them', async () => {
  const cluster = new FakeCluster(0)
  const pool = cluster.pool()
  await pool.ready()
  cluster.launch(['--resourcesFile', temporaryFile('none.json')])
  const [child] = cluster.children.values()
  // Its exit may be heard of before its last words.
  const status = await new Promise((resolve) => child!.once('close', resolve))
  expect(status).toBe(2)
  expect(cluster.stderr.join('')).toContain('none.json')
  await pool.destroy()
})
