/**
 * `npm run bench [NAME ...]`: runs the benches, prints one table and keeps it in bench/results/DATE[-NAME...].md. Figures
 * of one file were measured in one run on one machine; compare files with care.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { root } from '../test/e2e/cluster.js'
import { clusterPool } from './cluster-pool.js'
import { controlLink } from './control-link.js'
import { coreDecisions } from './core.js'
import { durable } from './durable.js'
import { executorStart } from './executor-start.js'
import { failover } from './failover.js'
import type { Figure } from './figures.js'
import { launchLatency } from './launch.js'
import { micro } from './micro.js'
import { stores } from './stores.js'
import { recovery } from './recovery.js'

const benches: Record<string, () => Promise<Figure[]>> = {
  core: coreDecisions,
  micro,
  'control-link': controlLink,
  store: stores,
  durable,
  launch: launchLatency,
  'cluster-pool': clusterPool,
  'executor-start': () => executorStart(),
  recovery,
  failover,
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
}

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !(name in benches))
if (unknown.length > 0) {
  console.error(
    `bench: no bench '${unknown.join(', ')}'; there are ${Object.keys(benches).join(', ')}`,
  )
  process.exit(1)
}
const figures: Figure[] = []
for (const [name, bench] of Object.entries(benches)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  console.error(`── ${name}`)
  figures.push(...(await bench()))
}

const rounded = (value: number) =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
const rows = figures.map(
  ({ name, value, unit, note }) => `| ${name} | ${rounded(value)} ${unit} | ${note} |`,
)
const now = new Date().toISOString()
const text = `# Measured ${now.slice(0, 10)}

Commit ${git('rev-parse', '--short', 'HEAD')}; Node ${process.versions.node}; ${cpus().length} cores (${cpus()[0]?.model ?? '?'}), ${Math.round(totalmem() / 2 ** 30)} GiB. By \`npm run bench${asked.map((name) => ` ${name}`).join('')}\`.

| figure | value | conditions |
|---|---|---|
${rows.join('\n')}
`
console.log(text)
const file = [now.slice(0, 10), ...asked].join('-')
writeFileSync(join(root, 'bench/results', `${file}.md`), text)
