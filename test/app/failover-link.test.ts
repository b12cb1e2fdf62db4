/** H14: a pool with its real link to two masters, of which one dies in the midst of a task. */
import { existsSync, writeFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'

import { ClusterPool } from '../../src/app/cluster-pool.js'
import {
  MasterChangeAcknowledgedT,
  MasterChangedT,
  MasterInStandbyT,
  RegisterApplicationT,
} from '../../src/schema/magneto.js'
import { type FakeMaster, listOf, master, stopAll } from '../control/fake-master.js'
import { FakeCluster, tasksFile, temporaryFile } from './fake-cluster.js'

afterEach(stopAll)

/** What the pool says to `one` goes to the cluster while `one` leads; who does not lead stands by. */
function serve(cluster: FakeCluster, one: FakeMaster, leads: () => boolean): void {
  void (async () => {
    for (let at = 0; ; at += 1) {
      const { body } = await one.seen.next(() => true, at)
      if (body === undefined) continue
      if (!leads()) one.say(new MasterInStandbyT())
      else {
        cluster.answerBy((answer) => one.say(answer))
        cluster.receive(body)
      }
    }
  })()
}

async function appears(path: string): Promise<void> {
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 5))
}

test.each([
  ['says so', true],
  ['is asked by the pool', false],
])(
  'H12, M29: the leader dies amid a task; the next one %s, and nothing else changes',
  async (_how, says) => {
    const [first, second] = [await master(), await master()]
    let leader = first
    const cluster = new FakeCluster()
    cluster.remembers = true
    for (const one of [first, second]) serve(cluster, one, () => one === leader)
    const options = { master: listOf(first, second), filename: tasksFile, maxRetries: 0 }
    const pool = new ClusterPool(options)
    const pid = await pool.run(null, { name: 'pid' })
    const appId = pool.applicationId
    const [mine, other] = [temporaryFile('runs'), temporaryFile('go')]
    const running = pool.run({ mine, other }, { name: 'waitForFile' })
    await appears(mine)
    await second.seen.next(({ kind }) => kind === 'connected')
    const ready = new Promise<string>((resolve) => {
      pool.once('ready', ({ applicationId }) => resolve(applicationId))
    })
    leader = second
    if (says) second.say(new MasterChangedT(second.url, null, 2))
    await first.stop()
    expect(await ready).toBe(appId)
    const waiting = pool.run(null, { name: 'pid' })
    writeFileSync(other, '')
    expect([await running, await waiting]).toEqual([pid, pid])
    const said = cluster.sent.find((body) => body instanceof MasterChangeAcknowledgedT)
    expect(said).toEqual(new MasterChangeAcknowledgedT(appId, ['0']))
    expect(cluster.sent.filter((body) => body instanceof RegisterApplicationT).length).toBe(1)
    cluster.closed = true
    await pool.destroy()
  },
)
