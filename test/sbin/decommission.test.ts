/** B7: decommission-worker.sh. */
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { Installation, isAlive, said, WORKER } from './installation.js'

/** A daemon that says when it is decommissioned, and ends when it is told to stop. */
const DAEMON = `#!/usr/bin/env bash
trap 'echo decommissioned' PWR
trap 'exit 0' TERM
echo ready >"\${MAGNETO_READY_FILE}"
while :; do sleep 0.05; done
`

let here: Installation
beforeEach(() => {
  here = new Installation()
  here.program('bin/spark-class', DAEMON)
})
afterEach(() => here.remove())

const two = { SPARK_WORKER_INSTANCES: '2' }

async function logged(instance: number): Promise<void> {
  while (!here.log(WORKER, instance).includes('decommissioned'))
    await new Promise((resolve) => setTimeout(resolve, 10))
}

test('B7: each worker of this machine gets the signal, and stays', async () => {
  here.run('sbin/start-worker.sh', ['spark://m:7077'], two)
  expect(here.run('sbin/decommission-worker.sh', [], two)).toEqual({
    status: 0,
    output: `decommissioning ${WORKER}\ndecommissioning ${WORKER}\n`,
  })
  await logged(1)
  await logged(2)
  expect([1, 2].map((number) => isAlive(here.pid(WORKER, number) ?? 0))).toEqual([true, true])
})

test('B7: --block-until-exit returns when the last one is gone', async () => {
  here.run('sbin/start-worker.sh', ['spark://m:7077'], two)
  const pids = [1, 2].map((number) => here.pid(WORKER, number) ?? 0)
  const script = here.spawn('sbin/decommission-worker.sh', ['--block-until-exit'], two)
  const ended = once(script, 'exit')
  await said(script, `decommissioning ${WORKER}`)
  await logged(2)
  process.kill(pids[0]!, 'SIGTERM')
  while (isAlive(pids[0]!)) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(script.exitCode).toBeNull()
  process.kill(pids[1]!, 'SIGTERM')
  expect(await ended).toEqual([0, null])
})

test('without a worker there is nothing to do, and nothing to wait for', () => {
  expect(here.run('sbin/decommission-worker.sh', ['--block-until-exit'])).toEqual({
    status: 0,
    output: `no ${WORKER} to decommission\n`,
  })
})

test.each([[['--wait']], [['--block-until-exit', 'x']]])('%j is refused', (args) => {
  const { status, output } = here.run('sbin/decommission-worker.sh', args)
  expect(status).toBe(1)
  expect(output).toContain('Usage: ./sbin/decommission-worker.sh [--block-until-exit]\n')
})
