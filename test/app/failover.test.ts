/** M18, M29, H12: another master leads, or the same one comes back: the application and what it runs stay. */
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

import { ApplicationRemovedError } from '../../src/app/errors.js'
import { parseOptions } from '../../src/app/options.js'
import { type ControlBody, type LinkOptions, Registration } from '../../src/app/registration.js'
import {
  ApplicationRegisteredT,
  ApplicationRemovedT,
  ExecutorAddedT,
  ExecutorState,
  ExecutorUpdatedT,
  MasterChangeAcknowledgedT,
  MasterChangedT,
  MasterInStandbyT,
  RefusedT,
  RegisterApplicationT,
  UnregisterApplicationT,
} from '../../src/schema/magneto.js'
import { Recorder } from '../control/recorder.js'
import { FakeCluster, tasksFile, temporaryFile } from './fake-cluster.js'

const OTHER = 'spark://other:7077'
const changed = new MasterChangedT(OTHER, null, 2)
const unknown = new ApplicationRemovedT('unknown application')
const registered = (appId = 'app-1', epoch = 1) => new ApplicationRegisteredT(appId, OTHER, epoch)

async function start(expected: () => string[] = () => []) {
  const seen = new Recorder<string>()
  const sent: ControlBody[] = []
  const settings = parseOptions({ master: 'spark://127.0.0.1:7077', filename: tasksFile })
  const registration = new Registration(settings, '127.0.0.1:1', 'token', expected)
  for (const event of [
    'registered',
    'reattached',
    'forgotten',
    'removed',
    'postponed',
    'closed',
  ] as const)
    registration.on(event, () => seen.add(event))
  let link!: LinkOptions
  await registration.open(settings.masterUrl, (options) => {
    link = options
    return { send: (body) => void sent.push(body), close: () => {} }
  })
  /** The kinds of what was sent since this was last asked. */
  const kinds = (): string[] => sent.splice(0).map((body) => body.constructor.name.slice(0, -1))
  return { registration, seen, sent, link, kinds }
}

describe('M29: the registration', () => {
  test('after a new link the master is asked for the application, with its executors', async () => {
    const { registration, seen, sent, link } = await start(() => ['3', '5'])
    link.onOpen(null)
    link.onMessage(registered())
    expect(sent.splice(0)).toEqual([expect.any(RegisterApplicationT)])
    link.onClose('gone')
    expect(registration.appId).toBe(null)
    expect(registration.lastAppId).toBe('app-1')
    link.onOpen(null)
    expect(sent).toEqual([new MasterChangeAcknowledgedT('app-1', ['3', '5'])])
    link.onMessage(registered('app-1', 2))
    expect(registration.appId).toBe('app-1')
    expect(seen.events).toEqual(['registered', 'closed', 'reattached'])
    registration.close()
    expect(sent.at(-1)).toEqual(new UnregisterApplicationT('app-1'))
  })

  test('M18: a new leader is answered on its line, and one that leads on the same line as well', async () => {
    const { link, kinds, registration } = await start()
    link.onOpen(null)
    link.onMessage(registered())
    kinds()
    link.onClose('another leads')
    link.onOpen(changed)
    expect(kinds()).toEqual(['MasterChangeAcknowledged'])
    link.onMessage(registered())
    link.onMessage(changed)
    expect(kinds()).toEqual(['MasterChangeAcknowledged'])
    expect(registration.appId).toBe('app-1')
  })

  test('without an id, a new leader gets one registration, however it says that it leads', async () => {
    const { link, kinds } = await start()
    link.onOpen(changed)
    link.onMessage(changed)
    await new Promise(setImmediate)
    expect(kinds()).toEqual(['RegisterApplication'])
  })

  test('a master that does not know it gets a new registration, under a new id', async () => {
    const { registration, seen, link, kinds } = await start()
    link.onOpen(null)
    link.onMessage(registered())
    link.onClose('gone')
    link.onOpen(changed)
    kinds()
    link.onMessage(unknown)
    expect(kinds()).toEqual(['RegisterApplication'])
    expect(registration.lastAppId).toBe(null)
    link.onMessage(registered('app-2'))
    expect(registration.appId).toBe('app-2')
    expect(seen.events).toEqual(['registered', 'closed', 'forgotten', 'registered'])
  })

  test('a standby that was asked has not lost it: the next master is asked for the same id', async () => {
    const { link, kinds, registration, seen } = await start()
    link.onOpen(null)
    link.onMessage(registered())
    link.onClose('gone')
    kinds()
    for (const _standby of [1, 2]) {
      link.onOpen(null)
      link.onMessage(new MasterInStandbyT(OTHER))
      link.onClose('it is a standby master')
    }
    link.onOpen(changed)
    expect(kinds()).toEqual(Array.from({ length: 3 }, () => 'MasterChangeAcknowledged'))
    link.onMessage(registered())
    expect(seen.events.at(-1)).toBe('reattached')
    expect(registration.appId).toBe('app-1')
  })

  test('one that was confirmed and is removed then has ended', async () => {
    const { link, seen } = await start()
    link.onOpen(null)
    link.onMessage(registered())
    link.onClose('gone')
    link.onOpen(changed)
    link.onMessage(registered())
    link.onMessage(new ApplicationRemovedT('killed by the operator'))
    expect(seen.events.at(-1)).toBe('removed')
  })

  test('one that was killed while it was away does not come back under a new id', async () => {
    const { link, seen, kinds } = await start()
    link.onOpen(null)
    link.onMessage(registered())
    link.onClose('gone')
    link.onOpen(changed)
    kinds()
    link.onMessage(new ApplicationRemovedT('KILLED'))
    expect(seen.events.at(-1)).toBe('removed')
    expect(kinds()).toEqual([])
  })

  test('a refusal does not take its id, and is followed by a wait', async () => {
    const { link, seen, kinds, registration } = await start()
    link.onOpen(null)
    link.onMessage(registered())
    link.onClose('gone')
    link.onOpen(null)
    kinds()
    link.onMessage(new RefusedT('not now'))
    link.onClose('refused')
    link.onOpen(null)
    expect(kinds()).toEqual([])
    while (kinds().length === 0) await new Promise(setImmediate)
    link.onMessage(registered())
    expect(registration.appId).toBe('app-1')
    expect(seen.events).toEqual(['registered', 'closed', 'postponed', 'closed', 'reattached'])
  })
})

async function appears(path: string): Promise<void> {
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('H12: the pool', () => {
  test('goes on without a master, and a new leader finds it as it was', async () => {
    const cluster = new FakeCluster()
    cluster.remembers = true
    const pool = cluster.pool({ maxRetries: 0 })
    const ready: string[] = []
    pool.on('ready', ({ applicationId }) => ready.push(applicationId))
    const pid = await pool.run(null, { name: 'pid' })
    const [mine, other] = [temporaryFile('runs'), temporaryFile('go')]
    const running = pool.run({ mine, other }, { name: 'waitForFile' })
    await appears(mine)
    cluster.disconnect()
    expect(pool.applicationId).toBe(null)
    const waiting = pool.run(null, { name: 'pid' })
    writeFileSync(other, '')
    expect([await running, await waiting]).toEqual([pid, pid])
    cluster.connect()
    expect(pool.applicationId).toBe('app-1')
    expect(cluster.sent.at(-1)).toEqual(new MasterChangeAcknowledgedT('app-1', ['0']))
    // The leader tells again which executors there are.
    cluster.tell(new ExecutorAddedT(0, 'worker-1', '127.0.0.1', 1, 1, 1024))
    expect(await pool.run(null, { name: 'pid' })).toBe(pid)
    expect(ready).toEqual(['app-1', 'app-1'])
    expect(pool.executors.map(({ completed }) => completed)).toEqual([4])
    await pool.destroy()
    expect(cluster.sent.at(-1)).toEqual(new UnregisterApplicationT('app-1'))
  })

  test('hears of an executor that no worker has any more: its task runs elsewhere', async () => {
    const cluster = new FakeCluster()
    cluster.remembers = true
    const pool = cluster.pool()
    await pool.run(1)
    const [child] = cluster.children.values()
    child!.kill('SIGSTOP')
    const task = pool.run(3)
    cluster.reconnect()
    cluster.tell(new ExecutorUpdatedT(0, ExecutorState.LOST, 'no worker has it', null, null))
    cluster.launch()
    expect(await task).toBe(6)
    child!.kill('SIGKILL')
    await pool.destroy()
  })

  test('whose executor ended while no master was there runs its task on the next one', async () => {
    const cluster = new FakeCluster()
    cluster.remembers = true
    const pool = cluster.pool()
    await pool.run(1)
    const removed = once(pool, 'executorRemoved')
    const warnings: string[] = []
    pool.on('warning', (text) => warnings.push(text))
    cluster.disconnect()
    const [child] = cluster.children.values()
    child!.kill('SIGKILL')
    await removed
    cluster.connect()
    expect(pool.applicationId).toBe('app-1')
    // Nothing is expected of it any more, and its end is no news.
    expect(cluster.sent.findLast((body) => body instanceof MasterChangeAcknowledgedT)).toEqual(
      new MasterChangeAcknowledgedT('app-1', ['1']),
    )
    cluster.tell(new ExecutorUpdatedT(0, ExecutorState.EXITED, 'killed', 137, '127.0.0.1'))
    expect(await pool.run(3)).toBe(6)
    expect(warnings.filter((text) => text.includes('before it connected'))).toEqual([])
    await pool.destroy()
  })

  test('that no master knows any more keeps its tasks under a new id, and says so', async () => {
    const cluster = new FakeCluster(0)
    const pool = cluster.pool()
    const warnings: string[] = []
    pool.on('warning', (text) => warnings.push(text))
    await pool.ready()
    const tasks = [1, 2].map((value) => pool.run(value))
    cluster.reconnect()
    expect(pool.applicationId).toBe('app-2')
    cluster.launch()
    expect(await Promise.all(tasks)).toEqual([2, 4])
    expect(warnings.join()).toContain('it registers anew: unknown application')
    await pool.destroy()
  })

  test('that an operator ends after that has ended', async () => {
    const cluster = new FakeCluster(0)
    cluster.remembers = true
    const pool = cluster.pool()
    await pool.ready()
    const waiting = pool.run(1)
    cluster.reconnect()
    cluster.tell(new ApplicationRemovedT('killed by the operator'))
    await expect(waiting).rejects.toThrow(ApplicationRemovedError)
    await pool.destroy()
  })
})
