/** The master may still count a lost link and refuse the next one: the pool asks again until it is had. */
import { expect, test } from 'vitest'

import { ApplicationRemovedError } from '../../src/app/errors.js'
import { parseOptions } from '../../src/app/options.js'
import { type ControlBody, type LinkOptions, Registration } from '../../src/app/registration.js'
import {
  ApplicationRegisteredT,
  ApplicationRemovedT,
  MasterInStandbyT,
  RefusedT,
  RegisterApplicationT,
} from '../../src/schema/magneto.js'
import { Recorder } from '../control/recorder.js'
import { FakeCluster, tasksFile } from './fake-cluster.js'

async function start() {
  const seen = new Recorder<string>()
  const sent = new Recorder<ControlBody>()
  const settings = parseOptions({ master: 'spark://127.0.0.1:7077', filename: tasksFile })
  const registration = new Registration(settings, '127.0.0.1:1', 'token')
  for (const event of ['registered', 'removed', 'postponed', 'closed'] as const)
    registration.on(event, () => seen.add(event))
  let link!: LinkOptions
  await registration.open(settings.masterUrl, (options) => {
    link = options
    return { send: (body) => sent.add(body), close: () => {} }
  })
  const registrations = () => sent.events.filter((body) => body instanceof RegisterApplicationT)
  const asked = (count: number) => sent.next(() => registrations().length >= count)
  return { registration, seen, link, asked, sent }
}

const registered = new ApplicationRegisteredT('app-1', 'spark://127.0.0.1:7077')
const refused = new RefusedT('this address is registered already')

test('a second registration that is refused is tried again on the next link', async () => {
  const { registration, seen, link, asked } = await start()
  link.onOpen(null)
  await asked(1)
  link.onMessage(registered)
  link.onClose('lost')
  for (const attempt of [2, 3]) {
    link.onOpen(null)
    // That master ended it with its link (L2).
    if (attempt === 2) link.onMessage(new ApplicationRemovedT('unknown application'))
    await asked(attempt)
    link.onMessage(refused)
    link.onClose('refused')
  }
  link.onOpen(null)
  await asked(4)
  link.onMessage(registered)
  expect(registration.appId).toBe('app-1')
  expect(seen.events).toEqual([
    'registered',
    'closed',
    'postponed',
    'closed',
    'postponed',
    'closed',
    'registered',
  ])
  registration.close()
})

test('a link that was lost before the answer counts as well', async () => {
  const { registration, seen, link, asked } = await start()
  link.onOpen(null)
  await asked(1)
  link.onClose('lost')
  link.onOpen(null)
  await asked(2)
  link.onMessage(refused)
  expect(seen.events).toEqual(['closed', 'postponed'])
  registration.close()
})

test('a wait ends with the registration', async () => {
  const { registration, link, asked, sent } = await start()
  link.onOpen(null)
  await asked(1)
  link.onMessage(registered)
  link.onMessage(refused)
  link.onClose('refused')
  link.onOpen(null)
  registration.close()
  link.onOpen(null)
  expect(sent.events.filter((body) => body instanceof RegisterApplicationT)).toHaveLength(1)
})

test('a first registration that is refused ends the pool', async () => {
  class Refusing extends FakeCluster {
    override receive(): void {
      this.tell(refused)
    }
  }
  const pool = new Refusing().pool()
  await expect(pool.ready()).rejects.toThrow(ApplicationRemovedError)
  await pool.destroy()
})

test('M4: a standby master has not looked at it: a refusal by the next one is final', async () => {
  const { seen, link, asked } = await start()
  link.onOpen(null)
  await asked(1)
  link.onMessage(new MasterInStandbyT())
  link.onClose('it is a standby master')
  link.onOpen(null)
  await asked(2)
  link.onMessage(refused)
  expect(seen.events).toEqual(['closed', 'removed'])
})
