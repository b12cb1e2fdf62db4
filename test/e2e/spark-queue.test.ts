/** Applications that want more than there is: who gets what, and when (spec A7, A9, A12; §14). */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Cluster, type ClusterJson, sparkHome } from './cluster.js'
import { describeWith } from './requirements.js'

const version = '4.3.0'
const workers = 2
const coresPerWorker = 2
const cores = workers * coresPerWorker
/** Half of them have to wait for the others. */
const small = 2 * cores
const testTimeoutMs = 300_000

/** Name, state and cores of each, in the order of their registration. */
function queue({ activeapps }: ClusterJson): string[] {
  const first = [...activeapps].sort((a, b) => a.id.localeCompare(b.id))
  return first.map((app) => `${app.name} ${app.state} ${app.cores}`)
}

describeWith(['java', 'python3'], 'Spark applications in the queue', () => {
  let cluster: Cluster
  let home = ''

  beforeAll(async () => {
    home = sparkHome(version)
    cluster = await Cluster.start({
      workers,
      coresPerWorker,
      memoryPerWorker: '4g',
      sparkHomes: [home],
    })
  }, 600_000)

  afterAll(async () => {
    expect(await cluster.stop()).toEqual([])
  })

  test(
    'A7, A9, P67: three with spark.cores.max are served in order and topped up in order',
    { timeout: testTimeoutMs },
    async () => {
      const wants = { first: 3, second: 3, third: 2 }
      const goAhead = (name: string) => join(cluster.folder, `go-${name}`)
      const jobs = []
      for (const [name, most] of Object.entries(wants)) {
        jobs.push(
          cluster.submit(home, 'hold', [goAhead(name), name], {
            'spark.executor.cores': '1',
            'spark.cores.max': String(most),
          }),
        )
        await cluster.until(`${name} is registered`, (now) =>
          now.activeapps.some((app) => app.name === name),
        )
      }
      const full = ['first RUNNING 3', 'second RUNNING 1', 'third WAITING 0']
      await cluster.until('the head of the queue has it all', (now) => {
        return JSON.stringify(queue(now)) === JSON.stringify(full)
      })
      writeFileSync(goAhead('first'), '')
      expect(await jobs[0]!.result()).toBe('first sum=45')
      await cluster.until(
        'the next are topped up',
        (now) =>
          JSON.stringify(queue(now)) === JSON.stringify(['second RUNNING 3', 'third RUNNING 1']),
      )
      writeFileSync(goAhead('second'), '')
      writeFileSync(goAhead('third'), '')
      expect(await jobs[1]!.result()).toBe('second sum=45')
      expect(await jobs[2]!.result()).toBe('third sum=45')
      await cluster.until('everything is free again', (now) => now.coresused === 0)
    },
  )

  test(
    `A7, A23: ${small} small ones at once all come to their end, and no core is given twice`,
    { timeout: testTimeoutMs },
    async () => {
      const goAhead = join(cluster.folder, 'go-small')
      const names = Array.from({ length: small }, (_, index) => `small-${index}`)
      const jobs = names.map((name) =>
        cluster.submit(home, 'hold', [goAhead, name], {
          'spark.cores.max': '1',
          'spark.driver.memory': '512m',
        }),
      )
      const state = await cluster.until(
        'all are registered',
        (now) => now.activeapps.length === small,
        testTimeoutMs,
      )
      const order = queue(state).map((line) => line.replace(/^small-\d+ /, ''))
      const running = Array.from({ length: cores }, () => 'RUNNING 1')
      const waiting = Array.from({ length: small - cores }, () => 'WAITING 0')
      expect(order).toEqual([...running, ...waiting])
      expect(state.coresused).toBe(cores)
      writeFileSync(goAhead, '')
      const results = await Promise.all(jobs.map((job) => job.result()))
      expect(results).toEqual(names.map((name) => `${name} sum=45`))
      const after = await cluster.untilFree()
      const ended = after.completedapps.filter(({ name }) => name.startsWith('small-'))
      expect(ended.map(({ state: end }) => end)).toEqual(names.map(() => 'FINISHED'))
    },
  )
})
