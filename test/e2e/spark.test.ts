/** Real, unmodified Spark on our master and workers (spec §14 to §16; DESIGN §7.5). */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { Cluster, eventually, sparkHome } from './cluster.js'
import { describeWith } from './requirements.js'

// CI runs the oldest and the newest; MAGNETO_SPARK_VERSIONS="4.0.1 4.1.4 4.2.1" runs others on demand.
const versions = (process.env['MAGNETO_SPARK_VERSIONS'] ?? '4.3.0 3.5.9').split(/[ ,]+/)
const jobTimeoutMs = 300_000

describeWith(['java', 'python3'], 'Spark applications in client mode', () => {
  let cluster: Cluster
  const homes = new Map<string, string>()

  beforeAll(async () => {
    for (const version of versions) homes.set(version, sparkHome(version))
    cluster = await Cluster.start({
      workers: 2,
      coresPerWorker: 4,
      memoryPerWorker: '4g',
      sparkHomes: [...homes.values()],
      properties: ['spark.magneto.worker.classDataArchive true'],
    })
  }, 600_000)

  afterAll(async () => {
    expect(await cluster.stop()).toEqual([])
  })

  const home = (version: string) => homes.get(version) ?? ''
  const limits = { 'spark.executor.cores': '1', 'spark.cores.max': '2' }

  test.each(versions)(
    '%s joins two data frames with a shuffle',
    { timeout: jobTimeoutMs },
    async (version) => {
      const job = cluster.submit(home(version), 'join', [], limits)
      expect(await job.result()).toBe(`join=right version=${version}`)
    },
  )

  test(
    'all versions estimate Pi at the same time on one master',
    { timeout: jobTimeoutMs },
    async () => {
      const jobs = versions.map((version) => cluster.submit(home(version), 'pi', ['8'], limits))
      const results = await Promise.all(jobs.map((job) => job.result()))
      // The seeds are fixed, so is the estimate.
      expect(results).toEqual(versions.map((version) => `pi=3.141 version=${version}`))
      const state = await cluster.untilFree()
      expect(state.completedapps.map(({ name, state: end }) => `${name} ${end}`)).toContain(
        'e2e-pi FINISHED',
      )
    },
  )

  /** The archive that some executor has mapped and that is not among `known`. */
  function mappedArchive(known: ReadonlySet<string>): string | null {
    for (const { pid } of cluster.executors()) {
      try {
        const maps = readFileSync(`/proc/${pid}/maps`, 'utf8')
        const key = /\/\.class-data\/([^/\s]+)\/[^/\s]+\.jsa$/m.exec(maps)?.[1]
        if (key !== undefined && !known.has(key)) return key
      } catch {
        // It ended while we looked.
      }
    }
    return null
  }

  test(
    'executors that come later map an archive of their classes',
    { timeout: jobTimeoutMs },
    async () => {
      const folder = join(cluster.folder, 'work', '.class-data')
      const archives = await eventually('an archive of each version', () => {
        const found = readdirSync(folder).filter((name) => /^[0-9a-f]+$/.test(name))
        return found.length === versions.length ? found : null
      })
      const mapped = new Set<string>()
      for (const version of versions) {
        const goAhead = join(cluster.folder, `go-${version}`)
        const job = cluster.submit(home(version), 'pi', ['8', goAhead], limits)
        mapped.add(await eventually('an executor with its archive', () => mappedArchive(mapped)))
        writeFileSync(goAhead, '')
        expect(await job.result()).toBe(`pi=3.141 version=${version}`)
      }
      expect([...mapped].sort()).toEqual(archives.sort())
    },
  )
})
