/** U21 to U23, U26, J5 to J7: what Apache's Worker shows and what ours shows, hosting executors of the same application. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { ApacheWorker } from './apache-worker.js'
import { freePort } from '../free-port.js'
import { Cluster, sparkHome } from './cluster.js'
import { describeWith } from './requirements.js'

const version = '4.3.0'

interface ExecutorJson {
  id: number
}

interface WorkerJson {
  id: string
  executors: ExecutorJson[]
  finishedexecutors: ExecutorJson[]
}

/** What must be the same: all but who the worker is and which executor it has. */
function comparable(text: string): string {
  const document = JSON.parse(text) as WorkerJson
  const anyId = <T extends ExecutorJson>(executor: T): T => ({ ...executor, id: 0 })
  return JSON.stringify({
    ...document,
    id: '',
    executors: document.executors.map(anyId),
    finishedexecutors: document.finishedexecutors.map(anyId),
  })
}

/** Of the tables of a page, in its order. */
function columns(html: string): string[] {
  const cells = html.matchAll(/<th\b[^>]*>([^]*?)<\/th>/g)
  return [...cells].map(([, cell = '']) => cell.replaceAll(/<[^>]*>|\s+/g, ' ').trim())
}

/** Of the lists of a page, with how many rows each has. */
function headings(html: string): string[] {
  const lists = html.matchAll(/(?:Running|Finished) (?:Executors|Drivers) \(\d+\)/g)
  return [...lists].map(([heading]) => heading)
}

describeWith(['java', 'python3'], "J5: a worker's document and page", () => {
  let cluster: Cluster
  let apache: ApacheWorker
  let home = ''

  beforeAll(async () => {
    home = sparkHome(version)
    cluster = await Cluster.start({ workers: 1, sparkHomes: [home] })
    apache = new ApacheWorker(cluster, home, await freePort(), cluster.masterUrl)
    await apache.registered()
  }, 600_000)

  afterAll(async () => {
    apache.kill()
    expect(await cluster.stop()).toEqual([])
  })

  /** Of Apache's and of ours. */
  async function both(path: string): Promise<[apache: string, ours: string]> {
    const state = await cluster.json()
    const workers = (state?.workers ?? []) as { webuiaddress?: string }[]
    const load = (from: string): Promise<string[]> =>
      Promise.all(
        workers.map(async ({ webuiaddress }) => (await fetch(webuiaddress + from)).text()),
      )
    const texts = await load(path)
    const at = (await load('/')).findIndex((page) => page.includes('Magneto'))
    expect([0, 1]).toContain(at)
    return [texts[1 - at] ?? '', texts[at] ?? '']
  }

  async function compare(lists: string[]): Promise<void> {
    const [apacheJson, ourJson] = await both('/json/')
    expect(comparable(ourJson)).toBe(comparable(apacheJson))
    // Laid out alike, too.
    expect(ourJson.split('\n').length).toBe(apacheJson.split('\n').length)
    const [apachePage, ourPage] = await both('/')
    // A list without rows has no columns here.
    const apacheColumns = columns(apachePage).slice(lists[0]?.endsWith('(0)') ? 7 : 0)
    expect(columns(ourPage)).toEqual(apacheColumns)
    expect(headings(ourPage)).toEqual(lists)
    expect(headings(apachePage)).toEqual(lists)
  }

  test(
    'U21, U22, U26, J5, J6: before, during and after an application',
    { timeout: 300_000 },
    async () => {
      await compare(['Running Executors (0)'])
      const goAhead = join(cluster.folder, 'go')
      const conf = {
        'spark.executor.cores': '2',
        'spark.executor.extraJavaOptions': '-Dmy.token=x',
      }
      const job = cluster.submit(home, 'hold', [goAhead, 'held'], conf)
      await cluster.until('both workers have an executor', (state) => state.coresused === 4)
      const running = async (): Promise<boolean> => {
        const pages = await both('/')
        return pages.every((page) => page.includes('RUNNING'))
      }
      await expect.poll(running, { timeout: 60_000 }).toBe(true)
      await compare(['Running Executors (1)'])
      writeFileSync(goAhead, '')
      expect(await job.result()).toBe('held sum=45')
      await cluster.until('all is free', (state) => state.coresused === 0)
      const ended = async (): Promise<boolean> => {
        const pages = await both('/')
        return pages.every((page) => page.includes('Finished Executors (1)'))
      }
      await expect.poll(ended, { timeout: 60_000 }).toBe(true)
      await compare(['Running Executors (0)', 'Finished Executors (1)'])
    },
  )
})
