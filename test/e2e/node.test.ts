/** Node applications on a real cluster, without any JVM, on the oldest and a current Node line. */
import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Cluster, type FoundProcess, processesUnder, root } from './cluster.js'

const otherNode = '24.21.0'
const fetched = () =>
  execFileSync(process.execPath, [join(root, 'scripts/fetch-node.mjs'), otherNode], {
    encoding: 'utf8',
  }).trim()

describe('the Pi example', () => {
  let cluster: Cluster | null = null

  afterEach(async () => {
    expect(await cluster?.stop()).toEqual([])
  })

  const lines: [string, () => string][] = [
    [`this Node ${process.versions.node}`, () => join(process.execPath, '..')],
    [`Node ${otherNode}`, fetched],
  ]

  test.each(lines)('runs on two workers under %s', { timeout: 180_000 }, async (_, folder) => {
    const path = `${folder()}:${process.env['PATH']}`
    cluster = await Cluster.start({
      workers: 2,
      environment: { PATH: path, JAVA_HOME: '/nonexistent' },
    })
    const pi = ['dist/examples/pi/pi.js', '--master', cluster.masterUrl]
    const done = spawnSync('node', pi, { cwd: root, env: cluster.environment, encoding: 'utf8' })
    expect(done.stdout, done.stderr).toMatch(/Pi is roughly 3\.14/)
    expect(done.status).toBe(0)
    const state = await cluster.untilFree()
    expect(state.completedapps.map((app) => app.state)).toEqual(['FINISHED'])
  })

  test('leaves only the daemons behind', { timeout: 180_000 }, async () => {
    cluster = await Cluster.start({ workers: 1 })
    const pi = ['dist/examples/pi/pi.js', '--master', cluster.masterUrl, '--partitions', '4']
    spawnSync(process.execPath, pi, { cwd: root, env: cluster.environment })
    await cluster.until('the application is gone', (now) => now.activeapps.length === 0)
    const { master, workers } = cluster.pids()
    const { folder } = cluster
    // One a worker, which outlives it to end its executors: a part of the daemon.
    const isGuardian = ({ command }: FoundProcess) => command.includes('magneto-guardian')
    // The master gives an application up before its executors have ended.
    await expect
      .poll(() => {
        const running = [...processesUnder(folder)]
        return {
          guarded: running.filter(([, found]) => isGuardian(found)).map(([, { parent }]) => parent),
          others: new Set(running.filter(([, found]) => !isGuardian(found)).map(([pid]) => pid)),
        }
      })
      .toEqual({ guarded: workers, others: new Set([master, ...workers]) })
  })
})
