/** U18, P47: a real driver's pages and its executors' logs through the master's one port. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'

import { Cluster, eventually, sparkHome, type Submission } from './cluster.js'
import { describeWith } from './requirements.js'

const version = '4.3.0'
const jobTimeoutMs = 300_000

interface ExecutorRow {
  id: string
  executorLogs: Record<string, string>
}

describeWith(['java', 'python3'], 'P47: spark.ui.reverseProxy', () => {
  let cluster: Cluster
  let home = ''

  beforeAll(async () => {
    home = sparkHome(version)
    cluster = await Cluster.start({
      workers: 1,
      sparkHomes: [home],
      properties: ['spark.ui.reverseProxy true'],
    })
  }, 600_000)

  afterAll(async () => {
    expect(await cluster.stop()).toEqual([])
  })

  /** Starts an application with pages of its own, which goes on until the file is there. */
  async function hold(name: string, conf: Record<string, string>) {
    const goAhead = join(cluster.folder, name)
    // However the test ends: the application takes all cores.
    onTestFinished(() => writeFileSync(goAhead, ''))
    const settings = { 'spark.ui.enabled': 'true', 'spark.ui.port': '0', ...conf }
    const job: Submission = cluster.submit(home, 'hold', [goAhead, name], settings)
    const state = await cluster.until('it runs', ({ activeapps, coresused }) => {
      return coresused > 0 && activeapps.some((one) => one.name === name)
    })
    const id = state.activeapps.find((one) => one.name === name)?.id ?? ''
    const end = async (): Promise<void> => {
      writeFileSync(goAhead, '')
      expect(await job.result()).toContain(`${name} sum=45`)
      await cluster.untilFree()
    }
    return { id, below: `/proxy/${id}`, end }
  }

  const page = (path: string): Promise<Response> => fetch(cluster.webUi + path)

  test.each([
    ['a driver that knows of the proxy', { 'spark.ui.reverseProxy': 'true' }],
    ['a driver that does not', { 'spark.ui.reverseProxy': 'false' }],
  ])(
    'U18: the pages of %s, their parts and links',
    { timeout: jobTimeoutMs },
    async (name, conf) => {
      const { id, below, end } = await hold(name.replaceAll(' ', '-'), conf)
      const text = await eventually('the driver serves its pages', async () => {
        const answer = await (await page(`${below}/jobs/`)).text()
        return answer.includes('Spark Jobs') ? answer : null
      })
      const links = [...text.matchAll(/(?:href|src)="(\/[^"]*)"/g)].map(([, link]) => String(link))
      expect(links.length).toBeGreaterThan(5)
      // Every link stays below the proxy.
      expect(links.filter((link) => !link.startsWith(`${below}/`))).toEqual([])
      const script = links.find((link) => link.endsWith('/webui.js')) ?? ''
      // A driver attaches its pages first and its static files later.
      await eventually('the driver serves its scripts', async () => {
        const { headers, status } = await page(script)
        return status === 200 && headers.get('content-type')?.includes('javascript')
      })
      // Its first page redirects to its jobs: what is attached after the scripts, as is what programs read.
      await expect.poll(async () => (await page(below)).url).toBe(`${cluster.webUi}${below}/jobs/`)
      const rows = await eventually('its executor has come', async () => {
        const answer = await page(`${below}/api/v1/applications/${id}/executors`)
        if (!answer.ok) return null
        const found = (await answer.json()) as ExecutorRow[]
        return found.some((one) => one.id !== 'driver') ? found : null
      })
      // The worker was told to be behind the master, so that links to logs lead there.
      const { stderr } = rows.find((one) => one.id !== 'driver')?.executorLogs ?? {}
      expect(stderr).toMatch(/^\/proxy\/worker-[^/]+\/logPage\/\?appId=/)
      const log = await page(String(stderr))
      expect(await log.text()).toContain('Spark Executor Command')
      await end()
      expect((await page(`${below}/jobs/`)).status).toBe(404)
    },
  )
})
