/** Control messages to what drivers understand, one by one (M23 to M28), and addresses. */
import { expect, test } from 'vitest'

import {
  ApplicationFinishedT,
  ApplicationRegisteredT,
  ApplicationRemovedT,
  ExecutorAddedT,
  ExecutorState,
  ExecutorUpdatedT,
  WorkerRemovedT,
} from '../../src/schema/magneto.js'
import { addressOfMasterUrl, hostPort, toDriver } from '../../src/spark/gateway-translate.js'

const master = { host: 'm', port: 7077 }

test.each([
  [
    'M23',
    new ApplicationRegisteredT('app-1', 'spark://m:7077'),
    { kind: 'RegisteredApplication', appId: 'app-1', master },
  ],
  [
    'M25',
    new ExecutorAddedT(3, 'worker-1', '::1', 7078, 2, 512),
    {
      kind: 'ExecutorAdded',
      id: 3,
      workerId: 'worker-1',
      hostPort: '[::1]:7078',
      cores: 2,
      memoryMb: 512,
    },
  ],
  [
    'M26',
    new ExecutorUpdatedT(3, ExecutorState.RUNNING),
    {
      kind: 'ExecutorUpdated',
      id: 3,
      state: 'RUNNING',
      message: null,
      exitStatus: null,
      workerHost: null,
    },
  ],
  [
    'M26',
    new ExecutorUpdatedT(3, ExecutorState.LOST, 'worker lost: gone', 0, 'h1'),
    {
      kind: 'ExecutorUpdated',
      id: 3,
      state: 'LOST',
      message: 'worker lost: gone',
      exitStatus: 0,
      workerHost: 'h1',
    },
  ],
  [
    'M28',
    new WorkerRemovedT('worker-1', 'h1', 'worker lost'),
    { kind: 'WorkerRemoved', id: 'worker-1', host: 'h1', message: 'worker lost' },
  ],
  ['M27', new ApplicationRemovedT('KILLED'), { kind: 'ApplicationRemoved', message: 'KILLED' }],
  ['M17', new ApplicationFinishedT('app-1'), null],
])('%s: %o', (_id, body, expected) => {
  expect(toDriver(body, master)).toEqual(expected)
})

test.each([
  ['spark://m:7077', 'm', 7077],
  ['spark://[::1]:7077', '[::1]', 7077],
])('the address of %s', (url, host, port) => {
  expect(addressOfMasterUrl(url)).toEqual({ host, port })
  expect(`spark://${hostPort({ host, port })}`).toBe(url)
})

test.each(['m:7077', 'spark://m', 'http://m:1'])('%s is no address of a master', (url) => {
  expect(() => addressOfMasterUrl(url)).toThrow(`${url} is no spark://host:port`)
})
