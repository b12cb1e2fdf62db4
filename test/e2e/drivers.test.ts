/** Drivers on our own workers (W14, W15, M12, M15, M16, S8, T10): of real Spark, of Python, of Node. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'

import { decode, encode, encodeDriver } from '../../src/control/codec.js'
import {
  DriverDescriptionT,
  JvmCommandT,
  NodeCommandT,
  type ReplyT,
  RequestSubmitDriverT,
} from '../../src/schema/magneto.js'
import { Cluster, eventually, freePort, processesUnder, root, sparkHome } from './cluster.js'
import { describeWith } from './requirements.js'

// CI runs the oldest and the newest; MAGNETO_SPARK_VERSIONS="4.0.1 4.1.4 4.2.1" runs others on demand.
const versions = (process.env['MAGNETO_SPARK_VERSIONS'] ?? '4.3.0 3.5.9').split(/[ ,]+/)
const [newest] = versions as [string]
const timeoutMs = 300_000
const host = '127.0.0.1'
const jobs = join(root, 'test/e2e/jobs')
/** Small enough for a driver, two executors and the next driver on one machine. */
const small = {
  'spark.executor.memory': '512m',
  'spark.executor.cores': '1',
  'spark.cores.max': '1',
}

describeWith(['java', 'python3'], 'drivers on the cluster', () => {
  const homes = new Map<string, string>()
  let cluster: Cluster
  let restPort = 0

  const home = (version: string): string => homes.get(version)!

  beforeAll(async () => {
    for (const version of versions) homes.set(version, sparkHome(version))
    restPort = await freePort()
    cluster = await Cluster.start({
      workers: 1,
      coresPerWorker: 4,
      memoryPerWorker: '4g',
      sparkHomes: [...homes.values()],
      properties: ['spark.master.rest.enabled true', `spark.master.rest.port ${restPort}`],
    })
  }, 600_000)

  afterAll(async () => {
    expect(await cluster.stop()).toEqual([])
  }, 60_000)

  const folderOf = (id: string): string => join(cluster.folder, 'work', id)

  function log(id: string, name: 'stdout' | 'stderr'): string {
    try {
      return readFileSync(join(folderOf(id), name), 'utf8')
    } catch {
      return ''
    }
  }

  function jarOf(version: string, name: string): string {
    const jars = join(home(version), 'jars')
    const found = readdirSync(jars).find((each) => new RegExp(`^${name}[-_]\\d`).test(each))
    return `file:${jars}/${found}`
  }

  /** The legacy client. @returns the driver's id */
  async function submit(version: string, flags: string[], what: string[]): Promise<string> {
    const known = new Set(await ids())
    const settings = Object.entries(small).flatMap(([key, value]) => ['--conf', `${key}=${value}`])
    const argv = ['--master', cluster.masterUrl, '--deploy-mode', 'cluster', ...settings]
    const child = spawn(
      join(home(version), 'bin/spark-submit'),
      [...argv, '--driver-memory', '512m', ...flags, ...what],
      {
        env: { ...cluster.environment, SPARK_HOME: home(version) },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (output += String(chunk)))
    const [status] = (await once(child, 'close')) as [number | null]
    expect(status, output + cluster.logs()).toBe(0)
    const mine = (await ids()).filter((id) => !known.has(id))
    expect(mine, output).toHaveLength(1)
    return mine[0]!
  }

  async function ids(): Promise<string[]> {
    const { activedrivers, completeddrivers } = (await cluster.json())!
    return [...activedrivers, ...completeddrivers].map(({ id }) => id)
  }

  /** @returns its final state; a test that fails shows what it wrote */
  async function endOf(id: string): Promise<string> {
    const { completeddrivers } = await cluster
      .until(`${id} has ended`, (now) => now.completeddrivers.some((driver) => driver.id === id))
      .catch((error: unknown) => {
        throw new Error(`${String(error)}\n── stderr of ${id}\n${log(id, 'stderr').slice(-6000)}`)
      })
    return completeddrivers.find((driver) => driver.id === id)!.state
  }

  test.each(versions)(
    'M33, W14, W15: a jar of the legacy client of %s runs an application to its end',
    { timeout: timeoutMs },
    async (version) => {
      const output = join(cluster.folder, `points-${version}`)
      const main = ['--class', 'org.apache.spark.mllib.util.KMeansDataGenerator']
      const args = [cluster.masterUrl, `file:${output}`, '100', '2', '2', '1.0', '2']
      const id = await submit(version, main, [jarOf(version, 'spark-mllib'), ...args])
      expect(await endOf(id), log(id, 'stderr')).toBe('FINISHED')
      expect(readdirSync(output).filter((name) => name.startsWith('part-'))).toHaveLength(2)
      expect(readdirSync(folderOf(id))).toEqual(
        expect.arrayContaining(['stdout', 'stderr', expect.stringMatching(/^spark-mllib_.*jar$/)]),
      )
      const [header] = log(id, 'stderr').split('\n')
      expect(header).toMatch(/^Launch Command: ".*java" "-cp" .*DriverWrapper" "spark:\/\/Worker@/)
      expect(header).toContain(`${home(version)}/jars/*`)
    },
  )
})
