/**
 * `npx tsx test/crash/run.ts [--rounds N] [--store MODE] [--codec NAME] [--zookeeper HOST:PORT] [--masters N] [--seed N]
 * [--recovery-timeout SECONDS] [--home FOLDER]`: kills a real master so often, under load, and says what was broken.
 */
import { parseArgs } from 'node:util'
import { crashRounds } from './rounds.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1000' },
    store: { type: 'string', default: 'FILESYSTEM' },
    codec: { type: 'string' },
    factory: { type: 'string' },
    zookeeper: { type: 'string' },
    masters: { type: 'string' },
    'recovery-timeout': { type: 'string' },
    home: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
})
const properties: string[] = []
if (values.codec !== undefined)
  properties.push(`spark.deploy.recoveryCompressionCodec ${values.codec}`)
if (values.factory !== undefined)
  properties.push(`spark.deploy.recoveryMode.factory ${values.factory}`)
if (values.zookeeper !== undefined)
  properties.push(
    `spark.deploy.zookeeper.url ${values.zookeeper}`,
    `spark.deploy.zookeeper.dir /crash-${process.pid}`,
  )
const result = await crashRounds({
  rounds: Number(values.rounds),
  seed: Number(values.seed),
  store: values.store,
  properties,
  ...(values.home === undefined ? {} : { home: values.home }),
  ...(values['recovery-timeout'] === undefined
    ? {}
    : { recoveryTimeoutS: Number(values['recovery-timeout']) }),
  masters: Number(values.masters ?? (values.store === 'ZOOKEEPER' ? 2 : 1)),
  progress: (text) => console.log(text),
})
const sorted = [...result.leaderlessMs].sort((one, other) => one - other)
const at = (part: number) => Math.round(sorted[Math.floor(part * (sorted.length - 1))] ?? 0)
console.log([...result.counts].map(([what, number]) => `${what} ${number}`).join(', '))
console.log(
  `without a leader: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; ${result.seconds.toFixed(1)} s`,
)
if (result.failure !== null) {
  console.log(`seed ${values.seed}, ${result.failure}\nstores and logs: ${result.folder}`)
  process.exitCode = 1
}
