import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

import { decode, encode } from '../../src/control/codec.js'
import { ControlServer } from '../../src/control/server.js'
import { createLogger } from '../../src/log/logger.js'
import { UnregisterApplicationT } from '../../src/schema/magneto.js'
import { FakeCluster } from './fake-cluster.js'

const pi = resolve(import.meta.dirname, '../../dist/examples/pi/pi.js')

test('the Pi example finds the control port, registers, computes on two executors and leaves', async () => {
  const cluster = new FakeCluster(2)
  const control = new ControlServer({
    log: createLogger('test', { level: 'silent' }),
    onConnected: (session) => cluster.answerBy((body) => control.send(session, encode(body))),
    onMessage: (_session, bytes) => {
      const body = decode(bytes.slice())
      cluster.closed ||= body instanceof UnregisterApplicationT
      cluster.receive(body)
    },
    onDisconnected: () => {},
  })
  const port = await control.listen('127.0.0.1', 0)
  const discovery = createServer((_request, response) => {
    response.end(JSON.stringify({ protocol: 1, port, path: '/control/v1' }))
  }).listen(0, '127.0.0.1')
  await once(discovery, 'listening')
  const master = `spark://127.0.0.1:${(discovery.address() as AddressInfo).port}`
  const args = ['--master', master, '--points', '20000000', '--partitions', '40']
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [pi, ...args])
  expect(stdout).toMatch(/^Pi is roughly 3\.1[34]/)
  expect([...stdout.matchAll(/(\d+) tasks/g)].reduce((sum, each) => sum + Number(each[1]), 0)).toBe(
    40,
  )
  expect(stderr).toContain('100%: 40 of 40 tasks')
  await expect.poll(() => cluster.sent.at(-1)).toBeInstanceOf(UnregisterApplicationT)
  await cluster.gone()
  discovery.closeAllConnections()
  discovery.close()
  await control.stop('the test is over')
})
