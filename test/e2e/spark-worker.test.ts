/** Files and leave of our worker under real Spark: rolled logs, cleaned folders, shuffle data that moves away. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'

import { Cluster, eventually, root, sparkHome } from './cluster.js'
import { describeWith } from './requirements.js'

const jobTimeoutMs = 300_000

describeWith(['java', 'python3'], 'our worker under Spark', () => {
  let cluster: Cluster | null = null

  afterEach(async () => {
    expect(await cluster?.stop()).toEqual([])
    cluster = null
  })

  /** The whole log of its first executor, in several requests. */
  async function logOverHttp(appId: string): Promise<string> {
    const state = await cluster!.json()
    const { webuiaddress } = state!.workers[0] as { webuiaddress?: string }
    let offset = 0
    let text = ''
    for (;;) {
      const query = `appId=${appId}&executorId=0&logType=stderr&offset=${offset}&byteLength=100000`
      const answer = await (await fetch(`${webuiaddress}/log?${query}`)).text()
      const head = /^==== Bytes (\d+)-(\d+) of (\d+) of .* ====\n/.exec(answer)!
      text += answer.slice(head[0].length)
      offset = Number(head[2])
      if (head[1] === head[2] || offset >= Number(head[3])) return text
    }
  }

  test(
    'W12, U25: a chatty executor rolls its log, which still reads as one; W16: its folder goes by age',
    { timeout: jobTimeoutMs },
    async () => {
      const wanted = 10_000
      cluster = await Cluster.start({
        workers: 1,
        memoryPerWorker: '4g',
        sparkHomes: [sparkHome('4.3.0')],
        properties: [
          'spark.executor.logs.rolling.strategy size',
          'spark.executor.logs.rolling.maxSize 131072',
          'spark.executor.logs.rolling.maxRetainedFiles 100',
          'spark.executor.logs.rolling.enableCompression true',
          'spark.worker.cleanup.interval 2',
          'spark.worker.cleanup.appDataTtl 20',
        ],
      })
      const job = cluster.submit(sparkHome('4.3.0'), 'chatty', [String(wanted)])
      const [, appId = ''] = /app=(\S+)/.exec(await job.result()) ?? []
      const folder = join(cluster.folder, 'work', appId)
      await cluster.until('it is over', (now) => now.activeapps.length === 0)
      const files = readdirSync(join(folder, '0')).filter((name) => name.startsWith('stderr'))
      expect(files.filter((name) => name.endsWith('.gz')).length).toBeGreaterThan(3)
      const said = async () => new Set((await logOverHttp(appId)).match(/(?<=chatty )\d{8}/g)).size
      // The executor's own lines go between any two bytes of the Python workers', so a few may be torn. What is still in
      // its pipe when the application ends is written by the worker a moment later.
      await expect.poll(said).toBeGreaterThan(wanted - 10)
      expect(await said()).toBeLessThanOrEqual(wanted)
      await eventually('the folder is cleaned up', () => !existsSync(folder) || null)
    },
  )

  test(
    'D2, D3: a job keeps its shuffle data when the worker that holds it is decommissioned',
    { timeout: jobTimeoutMs },
    async () => {
      const home = sparkHome('4.3.0')
      cluster = await Cluster.start({
        workers: 1,
        coresPerWorker: 2,
        sparkHomes: [home],
        properties: [
          'spark.decommission.enabled true',
          'spark.magneto.worker.decommissionDeadline 5min',
        ],
      })
      // Spark takes a decommissioned worker's whole host for lost, so the other worker is on another one.
      const argv = ['worker', '--host', '127.0.0.2', cluster.masterUrl]
      const leaver = spawn(join(root, 'bin/magneto'), argv, { env: cluster.environment })
      const left = once(leaver, 'exit')
      await cluster.until('both workers registered', (now) => now.aliveworkers === 2)
      const ready = join(cluster.folder, 'ready')
      const goAhead = join(cluster.folder, 'go-ahead')
      const job = cluster.submit(home, 'shuffle', [ready, goAhead], {
        'spark.decommission.enabled': 'true',
        'spark.storage.decommission.enabled': 'true',
        'spark.storage.decommission.shuffleBlocks.enabled': 'true',
        'spark.executor.cores': '2',
        'spark.scheduler.minRegisteredResourcesRatio': '1.0',
        'spark.cores.max': '4',
      })
      await eventually('both executors have written', () => existsSync(ready) || null)
      expect(cluster.executors()).toHaveLength(2)
      leaver.kill('SIGPWR')
      expect(await left).toEqual([0, null])
      expect(cluster.executors()).toHaveLength(1)
      writeFileSync(goAhead, '')
      expect(await job.result()).toBe('sums=right mapped=4000')
    },
  )
})
