import { expect, test } from 'vitest'
import { BatchWriter, InboxKind, OutboxKind, records } from '../../src/control/records.js'
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

test('a step comes in parts while it goes on: together they are the whole, and none may call the core', () => {
  const inbox = new BatchWriter()
  for (let counter = 1; counter <= 20; counter += 1) {
    inbox.add(InboxKind.CONNECTED, counter, 'peer')
    inbox.add(InboxKind.MESSAGE, counter, registerWorker(`worker-${counter}`))
  }
  const whole = new Driver({ firstPartBytes: 0 })
  const { core, nowMs } = new Driver({ firstPartBytes: 0 })
  const parts: Uint8Array[] = []
  const refused: unknown[] = []
  const rest = core.step(nowMs, 0, inbox.view(), (part) => {
    parts.push(part)
    for (const call of [
      () => core.check(),
      () => core.view(nowMs),
      () => core.step(nowMs, 0, part),
    ])
      try {
        call()
      } catch (error) {
        refused.push((error as Error).message)
      }
  })
  const said = (batches: Uint8Array[]) =>
    batches.flatMap((batch) =>
      [...records(batch)].map(({ kind, session, argument, payload }) => [
        OutboxKind[kind],
        session,
        argument,
        Buffer.from(payload).toString('base64'),
      ]),
    )
  expect(said([...parts, rest])).toEqual(said([whole.core.step(nowMs, 0, inbox.view())]))
  expect(parts.length).toBeGreaterThan(40)
  expect(refused).toHaveLength(3 * parts.length)
  expect(new Set(refused)).toEqual(new Set(['the core is in the midst of a step']))
  core.check()
})

test('what a taker of parts throws is what the step throws', () => {
  const { core, nowMs } = new Driver({ firstPartBytes: 0 })
  const inbox = new BatchWriter()
  inbox.add(InboxKind.CONNECTED, 1, 'peer')
  inbox.add(InboxKind.MESSAGE, 1, registerWorker())
  const fault = new RangeError('no room')
  const step = () =>
    core.step(nowMs, 0, inbox.view(), () => {
      throw fault
    })
  expect(step).toThrow(fault)
})
