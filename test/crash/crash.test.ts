/** P1, H8, H9: nothing is lost and nothing doubled when a real master is killed at any instant. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeWith } from '../e2e/requirements.js'
import { Ensemble, ZOOKEEPER_COMMANDS, ZOOKEEPER_JAR } from '../zookeeper/ensemble.js'
import { crashRounds, type RoundsOptions } from './rounds.js'

const quickRounds = 12
const ciRounds = 100
const rounds = Number(
  process.env['MAGNETO_CRASH_ROUNDS'] ?? (process.env['CI'] === undefined ? quickRounds : ciRounds),
)
const roundMaxMs = 10_000
const checksMaxMs = 240_000
const timeoutMs = rounds * roundMaxMs + checksMaxMs

async function survives(options: Pick<RoundsOptions, 'store' | 'properties' | 'masters'>) {
  const result = await crashRounds({ rounds, seed: 1, ...options })
  const { failure, folder, counts } = result
  if (failure !== null) throw new Error(`${failure}\nstores and logs: ${folder}`)
  // A run in which little happens proves little.
  expect(counts.get('masters killed')).toBe(rounds)
  for (const what of ['applications registered', 'executors launched', 'drivers launched']) {
    expect(counts.get(what), what).toBeGreaterThan(rounds / 4)
  }
}

describe('H8: masters that are killed and started again', () => {
  test('FILESYSTEM', () => survives({ store: 'FILESYSTEM', properties: [], masters: 1 }), timeoutMs)

  test(
    'P4: FILESYSTEM, compressed',
    () =>
      survives({
        store: 'FILESYSTEM',
        properties: ['spark.deploy.recoveryCompressionCodec lz4'],
        masters: 1,
      }),
    timeoutMs,
  )
})

describeWith(
  ZOOKEEPER_COMMANDS,
  'H5: a leader and a standby over ZooKeeper, of which the leader is killed',
  () => {
    let ensemble: Ensemble | null = null
    beforeAll(async () => {
      ensemble = await Ensemble.start()
    }, checksMaxMs)
    afterAll(() => ensemble?.stop())

    test(
      'ZOOKEEPER',
      () =>
        survives({
          store: 'ZOOKEEPER',
          properties: [`spark.deploy.zookeeper.url ${ensemble?.url}`],
          masters: 2,
        }),
      timeoutMs,
    )
  },
  { files: [ZOOKEEPER_JAR] },
)
