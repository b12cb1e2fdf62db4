/** P1, H8, H9: nothing is lost and nothing doubled when a real master is killed at any instant, whatever keeps its records. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeWith } from '../e2e/requirements.js'
import { Ensemble, ZOOKEEPER_COMMANDS, ZOOKEEPER_JAR } from '../zookeeper/ensemble.js'
import { crashRounds, happenings, type RoundsOptions } from './rounds.js'

const quickRounds = 12
const ciRounds = 100
const rounds = Number(
  process.env['MAGNETO_CRASH_ROUNDS'] ?? (process.env['CI'] === undefined ? quickRounds : ciRounds),
)
/** Of the codec alone, which other tests kill too (`test/store`). */
const roundsCompressed = Math.ceil(rounds / 4)
const roundMaxMs = 10_000
const checksMaxMs = 240_000
const timeoutMs = rounds * roundMaxMs + checksMaxMs
/** Of examples/custom-recovery. */
const directoryStore = join(
  import.meta.dirname,
  '../../dist/examples/custom-recovery/directory-store.js',
)

async function survives(options: Omit<RoundsOptions, 'seed'>): Promise<void> {
  const result = await crashRounds({ seed: 1, ...options })
  const { failure, folder, counts } = result
  if (failure !== null) throw new Error(`${failure}\nstores and logs: ${folder}`)
  // A run in which little happens proves little.
  expect(counts.get('masters killed')).toBe(options.rounds)
  for (const what of happenings) expect(counts.get(what), what).toBeGreaterThan(options.rounds / 8)
}

// Two at a time (vitest.config.ts): half of a round is waiting.
describe.concurrent('H8: masters that are killed and started again', () => {
  test.each<[string, string, number, string[]]>([
    ['H3: FILESYSTEM', 'FILESYSTEM', rounds, []],
    ['H4: ROCKSDB', 'ROCKSDB', rounds, []],
    ['H6: CUSTOM', 'CUSTOM', rounds, [`spark.deploy.recoveryMode.factory ${directoryStore}`]],
    [
      'P4: FILESYSTEM, compressed',
      'FILESYSTEM',
      roundsCompressed,
      ['spark.deploy.recoveryCompressionCodec lz4'],
    ],
  ])(
    '%s',
    (_, store, count, properties) => survives({ store, rounds: count, properties, masters: 1 }),
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
          rounds,
          properties: [`spark.deploy.zookeeper.url ${ensemble?.url}`],
          masters: 2,
        }),
      timeoutMs,
    )
  },
  { files: [ZOOKEEPER_JAR] },
)
