import { expect, test } from 'vitest'
import { Driver, registerApplication, registerWorker } from './support.js'

test('M1, A12: a worker and an application register, executors are launched', () => {
  const driver = new Driver()
  const worker = driver.connect(1)
  const registered = driver.message(worker, registerWorker())
  expect(registered.map((effect) => effect.type || effect.kind)).toEqual([
    'PERSIST',
    'WorkerRegistered',
    'NOTICE',
    'SET_TIMER',
  ])
  const application = driver.connect(2)
  const launched = driver
    .message(application, registerApplication())
    .filter((effect) => effect.kind === 'SEND')
  expect(launched.map(({ session, type, argument }) => [session, type, argument])).toEqual([
    [application, 'ApplicationRegistered', 3],
    [worker, 'LaunchExecutor', 3],
    [application, 'ExecutorAdded', 3],
    [worker, 'LaunchExecutor', 3],
    [application, 'ExecutorAdded', 3],
  ])
})

test('a message that fails verification closes its session with a reason', () => {
  const driver = new Driver()
  const session = driver.connect(1)
  const effects = driver.message(session, new Uint8Array(64).fill(255))
  expect(effects.map((effect) => effect.type || effect.kind)).toEqual([
    'NOTICE',
    'Refused',
    'CLOSE',
  ])
  const close = effects.find((effect) => effect.kind === 'CLOSE')
  expect(new TextDecoder().decode(close?.payload)).toMatch(/not a valid control message/)
})
