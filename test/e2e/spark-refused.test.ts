/** What the user of a driver sees that this cluster can't serve, or can't serve yet (WIRE 5; A3). */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Cluster, eventually, sparkHome } from './cluster.js'
import { describeWith } from './requirements.js'

const served = '4.3.0'
// CI has none of them; MAGNETO_SPARK_REFUSED="3.3.4 3.4.4" fetches and runs these.
const refused = (process.env['MAGNETO_SPARK_REFUSED'] ?? '').split(/[ ,]+/).filter(Boolean)
const testTimeoutMs = 300_000

describeWith(['java', 'python3'], 'a driver that can not run here', () => {
  let cluster: Cluster

  beforeAll(async () => {
    // Its workers have no Spark at all.
    cluster = await Cluster.start({ workers: 1, sparkHomes: [] })
  }, 600_000)

  afterAll(async () => {
    expect(await cluster.stop()).toEqual([])
  })

  test(
    'waits, and the log of the master says for what, when no worker has its Spark',
    { timeout: testTimeoutMs },
    async () => {
      const job = cluster.submit(sparkHome(served), 'pi', ['2'])
      await cluster.until('it waits', ({ activeapps: [app] }) => app?.state === 'WAITING')
      await eventually('it is said', () =>
        /app-\S+ waits: no alive worker has the runtime spark-4\.3/.test(cluster.logs())
          ? true
          : null,
      )
      await eventually('the driver goes on', () =>
        job.stderr.includes('Initial job has not accepted any resources') ? true : null,
      )
      job.signal('SIGINT')
      await job.ended
      await cluster.until('it has left', ({ activeapps }) => activeapps.length === 0)
    },
  )

  test.each(refused)('of %s ends with the reason', { timeout: testTimeoutMs }, async (version) => {
    const job = cluster.submit(sparkHome(version), 'pi', ['2'], { 'spark.ui.enabled': 'true' })
    expect(await job.ended).not.toBe(0)
    // Spark 3.3 logs to its standard output.
    const shown = job.stdout + job.stderr
    expect(shown).toMatch(/ERROR .*Reason: Master removed our application: .*served are/)
    expect(shown).toMatch(/this driver is of Spark 3\.(0 to 3\.3|4\.\d)/)
    await cluster.until('it has left', ({ activeapps }) => activeapps.length === 0)
  })
})
