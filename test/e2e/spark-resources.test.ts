/** GPUs, from a worker's discovery script to real tasks, and executors of a stage's own profile (spec G1 to G8, K7). */
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Cluster, eventually, sparkHome, type Submission } from './cluster.js'
import { describeWith } from './requirements.js'

const version = '4.3.0'
const testTimeoutMs = 300_000
// Sooner than the test's own limit, so that a failure shows what there was.
const hasSeenMs = 240_000
const addresses = ['gpu-a', 'gpu-b', 'gpu-c', 'gpu-d']

interface Used {
  workers: {
    resources: Record<string, { addresses: string[] }>
    resourcesused: Record<string, { addresses: string[] }>
  }[]
}

describeWith(['java', 'python3'], 'custom resources', () => {
  const folder = mkdtempSync(join(tmpdir(), 'magneto-e2e-gpus-'))
  let cluster: Cluster
  let home = ''

  beforeAll(async () => {
    home = sparkHome(version)
    const script = join(folder, 'gpus.sh')
    const found = JSON.stringify({ name: 'gpu', addresses })
    writeFileSync(script, `#!/bin/sh\necho '${found}'\n`)
    chmodSync(script, 0o755)
    cluster = await Cluster.start({
      workers: 1,
      coresPerWorker: 4,
      memoryPerWorker: '4g',
      sparkHomes: [home],
      properties: [
        `spark.worker.resource.gpu.amount ${addresses.length}`,
        `spark.worker.resource.gpu.discoveryScript ${script}`,
      ],
    })
  }, 600_000)

  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true })
    expect(await cluster.stop()).toEqual([])
  })

  const hasSeen = (job: Submission) =>
    eventually(
      'tasks have run on every executor',
      async () => {
        if (job.child.exitCode !== null) await job.result()
        return job.stdout.includes('SEEN') ? true : null
      },
      hasSeenMs,
    ).catch(async (error: unknown) => {
      const report = await cluster.report()
      throw new Error(`${String(error)}\n${job.stderr.slice(-6000)}\n${report}`)
    })

  const used = async (): Promise<string[]> => {
    const state = (await cluster.json()) as unknown as Used
    expect(state.workers[0]?.resources['gpu']?.addresses).toEqual(addresses)
    return (state.workers[0]?.resourcesused['gpu']?.addresses ?? []).toSorted()
  }

  const allFree = async () => {
    await cluster.until('everything is free again', (state) => state.coresused === 0)
    expect(await used()).toEqual([])
  }

  /** The addresses of each executor, as its tasks saw them. */
  async function seenBy(job: Submission): Promise<string[][]> {
    const line = await job.result()
    return line.split(' ').map((each) => (each.split('=')[1] ?? '').split(','))
  }

  test(
    'G6, G8, P69: each executor has addresses of its own, shown as used while it runs',
    { timeout: testTimeoutMs },
    async () => {
      const goAhead = join(folder, 'go-1')
      const job = cluster.submit(home, 'gpus', [goAhead, 'default'], {
        'spark.cores.max': '2',
        'spark.executor.cores': '1',
        'spark.executor.resource.gpu.amount': '2',
        'spark.task.resource.gpu.amount': '1',
      })
      await hasSeen(job)
      expect(await used()).toEqual(addresses)
      writeFileSync(goAhead, '')
      const seen = await seenBy(job)
      expect(seen).toHaveLength(2)
      const all = seen.flat()
      expect(addresses).toEqual(expect.arrayContaining(all))
      expect(new Set(all).size).toBe(all.length)
      await allFree()
    },
  )

  test(
    'K7, G4: a stage with a profile of its own gets executors of that profile',
    { timeout: testTimeoutMs },
    async () => {
      const goAhead = join(folder, 'go-2')
      const job = cluster.submit(home, 'gpus', [goAhead, 'stage'], {
        'spark.executor.cores': '1',
        'spark.dynamicAllocation.enabled': 'true',
        'spark.dynamicAllocation.shuffleTracking.enabled': 'true',
        'spark.dynamicAllocation.minExecutors': '0',
        'spark.dynamicAllocation.maxExecutors': '1',
      })
      await hasSeen(job)
      expect(await used()).toHaveLength(2)
      const lines = cluster
        .executors()
        .map(({ pid }) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '))
      const line = lines.find((each) => each.includes('--resourceProfileId 1 '))
      expect(line).toMatch(/ -Xmx768M .* --cores 2 /)
      const file = / --resourcesFile (\S+)/.exec(line ?? '')?.[1] ?? ''
      expect(readdirSync(join(file, '..'))).toContain('stdout')
      const [given] = JSON.parse(readFileSync(file, 'utf8')) as { addresses: string[] }[]
      writeFileSync(goAhead, '')
      expect((await seenBy(job)).flat().toSorted()).toEqual(given?.addresses.toSorted())
      await allFree()
    },
  )
})
