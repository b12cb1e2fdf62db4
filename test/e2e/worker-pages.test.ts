/** U8, U18, U21, U24 to U26, W21, Y1: the pages of real workers, found through the master as people find them. */
import { spawnSync } from 'node:child_process'
import { afterEach, expect, test } from 'vitest'

import { Cluster, root } from './cluster.js'

let cluster: Cluster | null = null
afterEach(async () => {
  expect(await cluster?.stop()).toEqual([])
})

async function text(url: string): Promise<string> {
  return (await fetch(url)).text()
}

test(
  'U8, U18, U25, U26, Y1: logs of executors, of the worker itself and of the master',
  { timeout: 120_000 },
  async () => {
    cluster = await Cluster.start({ workers: 2, properties: ['spark.ui.reverseProxy true'] })
    const pi = ['dist/examples/pi/pi.js', '--master', cluster.masterUrl, '--partitions', '4']
    const env = cluster.environment
    expect(spawnSync(process.execPath, pi, { cwd: root, env }).status).toBe(0)
    const state = (await cluster.until('it is over', (now) => now.activeapps.length === 0)) as {
      workers: { id?: string; webuiaddress?: string }[]
      completedapps: { id: string }[]
    }
    expect(new Set(state.workers.map((worker) => worker.webuiaddress)).size).toBe(2)
    const mastersOwn = await text(`${cluster.webUi}/log?self&logType=out`)
    expect(mastersOwn).toMatch(/^==== Bytes 0-\d+ of \d+ of .*master\.Master-1-.*\.out ====\n/)
    expect(mastersOwn).toContain(`master at ${cluster.masterUrl}`)
    expect((await fetch(`${cluster.webUi}/proxy/worker-9/`)).status).toBe(404)
    expect(await text(`${cluster.webUi}/logPage/?self&logType=out`)).toContain('log-viewer.js')
    for (const part of ['static/log-viewer.js', 'logPart?self&logType=out'])
      expect((await fetch(`${cluster.webUi}/${part}`)).status).toBe(200)
    const appId = state.completedapps[0]?.id
    for (const { id, webuiaddress } of state.workers) {
      // The master gives an application up before its executors have ended.
      const ended = async () => JSON.parse(await text(`${webuiaddress}/json/`)) as object
      await expect.poll(ended).toMatchObject({ executors: [], finishedexecutors: [{}] })
      const own = await text(`${webuiaddress}/log?self&logType=out`)
      expect(own).toMatch(/^==== Bytes 0-\d+ of \d+ of .*worker\.Worker-[12]-.*\.out ====\n/)
      // Not that of the other worker, whose log lies beside it.
      expect(own).toContain(`${id}: 2 cores`)
      const first = await text(`${webuiaddress}/`)
      expect(first).toContain(cluster.masterUrl)
      expect(first).toContain('Finished Executors (1)')
      expect(first).toContain(`ID: ${appId}`)
      const document = await text(`${webuiaddress}/json/`)
      expect(JSON.parse(document)).toMatchObject({
        id,
        masterurl: cluster.masterUrl,
        coresused: 0,
        executors: [],
        finishedexecutors: [{ appid: appId, appdesc: { cores: 0 } }],
      })
      // U18, P47: the same through the master's port.
      const through = `${cluster.webUi}/proxy/${id}`
      expect(await text(through)).toBe(first)
      expect(await text(`${through}/json/`)).toBe(document)
      expect(await text(`${through}/log?self&logType=out`)).toContain(`${id}: 2 cores`)
      // One work folder serves both workers, so each finds both executors.
      for (const executorId of [0, 1]) {
        const query = `appId=${appId}&executorId=${executorId}&logType=stderr`
        const log = await text(`${webuiaddress}/log?${query}`)
        expect(log.split('\n')[1]).toMatch(/^Spark Executor Command: .*executor-main/)
        expect(log).toContain(`"--executor-id" "${executorId}"`)
      }
    }
  },
)
