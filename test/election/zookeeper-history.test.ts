/** Random histories over a ZooKeeper in memory; `MAGNETO_SEEDS=2000` runs more, `MAGNETO_SEED=7` that one with a trace. */
import { describe, expect, test } from 'vitest'

import { History } from './zookeeper-history.js'

const only = process.env['MAGNETO_SEED']
const count = Number(process.env['MAGNETO_SEEDS'] ?? 12)
const seeds = only === undefined ? Array.from({ length: count }, (_, at) => at + 1) : [Number(only)]
const VIRTUAL_MS = 120_000

describe('masters that elect their leader with ZooKeeper, whatever breaks', () => {
  const total = { commits: 0, mandates: 0, warm: 0, suspensions: 0 }

  test.each(seeds)('H5, T12: nothing is lost or doubled, seed %i', async (seed) => {
    const trace: string[] = []
    const history = new History(seed, (line) => only !== undefined && console.log(line))
    const outcome = await history.run(VIRTUAL_MS).catch((error: unknown) => {
      throw new Error(`seed ${seed}: ${(error as Error).message}\n${trace.join('\n')}`)
    })
    for (const [name, value] of Object.entries(outcome)) total[name as keyof typeof total] += value
  })

  test.skipIf(only !== undefined)('the histories have what they are to test', () => {
    expect(total.commits).toBeGreaterThan(100 * count)
    expect(total.mandates).toBeGreaterThan(3 * count)
    expect(total.warm).toBeGreaterThan(count / 2)
    expect(total.suspensions).toBeGreaterThan(count / 2)
  })
})
