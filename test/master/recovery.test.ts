/** A master that starts again on its store: real core, real threads, real links; nothing that ran is lost. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Configuration } from '../../src/conf/configuration.js'
import { encodeApplication, type BodyT } from '../../src/control/codec.js'
import { MasterLink } from '../../src/control/link.js'
import type * as Main from '../../src/master/main.js'
import {
  ApplicationDescriptionT,
  ApplicationRegisteredT,
  Command,
  ExecutorDescriptionT,
  ExecutorState,
  ExecutorStateChangedT,
  LaunchExecutorT,
  MasterChangeAcknowledgedT,
  MasterChangedT,
  NodeCommandT,
  RegisterApplicationT,
  RegisterWorkerT,
  ResourceProfileT,
  WorkerExecutorStateResponseT,
  WorkerRegisteredT,
  WorkerSchedulerStateResponseT,
} from '../../src/schema/magneto.js'
import { SingleRecovery } from '../../src/election/single.js'
import { DAMAGED_PREFIX } from '../../src/store/records.js'
import { Recorder, recordingLog } from '../control/recorder.js'
import { FakePlace } from '../election/fake-place.js'
import { freePort } from '../free-port.js'

const root = join(import.meta.dirname, '../..')
const { startMaster } = (await import(
  pathToFileURL(join(root, 'dist/src/master/main.js')).href
)) as typeof Main

const stops: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
})
let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'magneto-recovery-'))
  stops.push(() => rm(folder, { recursive: true }))
})

async function start(port: number, parts: Main.MasterParts = {}): Promise<Main.RunningMaster> {
  const master = await startMaster(
    {
      host: '127.0.0.1',
      port,
      webUiPort: 0,
      webUiHost: '127.0.0.1',
      publicHost: '127.0.0.1',
      home: root,
      confDir: join(root, 'conf'),
      configuration: new Configuration([
        ['spark.master.rest.port', '0'],
        ['spark.deploy.recoveryMode', 'FILESYSTEM'],
        ['spark.deploy.recoveryDirectory', folder],
      ]),
    },
    parts,
  )
  stops.push(() => master.stop())
  return master
}

type Heard = BodyT | 'open'

/** Opens anew whenever the master is back. */
function link(masterUrl: string) {
  const seen = new Recorder<Heard>()
  const made = new MasterLink({
    masterUrl,
    log: recordingLog(),
    onOpen: (changed) => seen.add(changed ?? 'open'),
    onMessage: (body) => seen.add(body),
    onClose: () => {},
  })
  stops.push(() => made.close())
  const next = async <T extends Heard>(fits: (event: Heard) => event is T): Promise<T> =>
    (await seen.next(fits)) as T
  const again = () => expect.poll(() => seen.events.filter(isOpen).length).toBe(2)
  return { send: (body: BodyT) => made.send(body), next, again, seen }
}

const isOpen = (event: Heard): event is 'open' => event === 'open'
const is =
  <T extends BodyT>(kind: new (...args: never[]) => T) =>
  (event: Heard): event is T =>
    event instanceof kind

interface State {
  readonly status: string
  readonly aliveworkers: number
  readonly coresused: number
  readonly activeapps: readonly { readonly id: string; readonly state: string }[]
}

const stateOf = async (master: Main.RunningMaster): Promise<State> =>
  (await (await fetch(`${master.webUiUrl}/json/`)).json()) as State

const registration = new RegisterWorkerT('worker-1', 'h', 1000, 4, 4096, 'http://w', [], ['node'])

/** A worker of 4 cores and an application of 2, which has its executor. */
async function cluster(masterUrl: string) {
  const worker = link(masterUrl)
  await worker.next(isOpen)
  worker.send(registration)
  await worker.next(is(WorkerRegisteredT))
  const application = link(masterUrl)
  await application.next(isOpen)
  const profile = new ResourceProfileT(0, 2, 1024, [])
  const command = new NodeCommandT('/pi.js', [], [], [])
  const description = new ApplicationDescriptionT(
    'pi',
    'me',
    null,
    2,
    null,
    profile,
    Command.NodeCommand,
    command,
    'node',
  )
  application.send(new RegisterApplicationT(encodeApplication(description), ''))
  const { appId } = await application.next(is(ApplicationRegisteredT))
  const { executorId } = await worker.next(is(LaunchExecutorT))
  const id = String(appId)
  worker.send(new ExecutorStateChangedT(1, id, executorId, ExecutorState.RUNNING))
  return { worker, application, id, executorId }
}

test('H3, H8, H9: a master that starts again on FILESYSTEM goes on where it was', async () => {
  const port = await freePort()
  const first = await start(port)
  const { worker, application, id, executorId } = await cluster(first.masterUrl)
  const registered = await application.next(is(ApplicationRegisteredT))
  await first.stop()

  const second = await start(port)
  expect(await stateOf(second)).toMatchObject({ status: 'RECOVERING', aliveworkers: 0 })
  for (const peer of [worker, application]) await peer.again()
  worker.send(registration)
  const changed = await worker.next(is(MasterChangedT))
  expect(changed).toMatchObject({ masterUrl: second.masterUrl })
  expect(changed.epoch).toBeGreaterThan(registered.epoch)
  const runs = new ExecutorDescriptionT(id, executorId, 0, 2, 1024, ExecutorState.RUNNING)
  worker.send(
    new WorkerSchedulerStateResponseT('worker-1', [new WorkerExecutorStateResponseT(runs, [])], []),
  )
  application.send(new MasterChangeAcknowledgedT(id, [String(executorId)]))
  await expect.poll(() => stateOf(second)).toMatchObject({ status: 'ALIVE' })
  expect(await stateOf(second)).toMatchObject({
    aliveworkers: 1,
    coresused: 2,
    activeapps: [{ id, state: 'RUNNING' }],
  })
  // What ran was taken up: nothing was launched in its place.
  expect(worker.seen.events.filter(is(LaunchExecutorT))).toHaveLength(1)
})

test('H8: a master that starts again with nothing stored is ALIVE at once', async () => {
  const first = await start(0)
  await first.stop()
  const second = await start(0)
  expect(await stateOf(second)).toMatchObject({ status: 'ALIVE' })
  expect(await readdir(folder)).not.toEqual([])
})

test('Y10: a record that can not be read is set aside in the store, and the rest is taken up', async () => {
  const place = new FakePlace()
  const recovery = (): SingleRecovery =>
    new SingleRecovery({ mode: 'CUSTOM', log: recordingLog(), createEngine: () => place.engine() })
  const first = await start(0, { recovery: recovery() })
  await cluster(first.masterUrl)
  await first.stop()
  const keys = [...place.records.keys()]
  const torn = place.records.get('worker_worker-1')!.subarray(0, 40)
  place.records.set('worker_worker-1', torn)

  const second = await start(0, { recovery: recovery() })
  await expect.poll(() => place.records.has(`${DAMAGED_PREFIX}worker_worker-1`)).toBe(true)
  expect(place.records.has('worker_worker-1')).toBe(false)
  expect(place.records.get(`${DAMAGED_PREFIX}worker_worker-1`)).toEqual(torn)
  expect(await stateOf(second)).toMatchObject({ status: 'RECOVERING', aliveworkers: 0 })
  const others = keys.filter((key) => key !== 'worker_worker-1')
  expect([...place.records.keys()]).toEqual(expect.arrayContaining(others))
})
