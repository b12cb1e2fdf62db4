/**
 * `npm run bench -- [NAME ...] [--alone] [--runs N] [--share N] [--print]`, `npm run bench -- soak [--minutes N] [--scenario NAME]`: runs
 * the benches, prints one table and keeps it in bench/results/DATE[-NAME...].md, with a number where that is taken. Without a
 * name: all that belong to the table beside Apache's. Figures of one file were measured in one run on one machine; compare
 * files with care. docs/performance.md says what each of them means.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../test/e2e/cluster.js'
import { coreDecisions } from './core.js'
import { durable } from './durable.js'
import { executorStart } from './executor-start.js'
import { failover } from './failover.js'
import type { Failure, Figure } from './figures.js'
import { launchLatency } from './launch.js'
import { loadBenches, type LoadOptions } from './load/plan.js'
import { soak, type Soaked } from './load/soak.js'
import { apacheVersion } from './masters.js'
import { micro } from './micro.js'
import { peers } from './peers/run.js'
import { recovery } from './recovery.js'
import { stores } from './stores.js'
import { tableOf } from './table.js'

type Bench = (options: LoadOptions) => Promise<Figure[] | Soaked>

/** Benches that belong to the table, in its order. `load` is a name for all that play peers. */
const table: Readonly<Record<string, Bench>> = {
  ...loadBenches,
  core: coreDecisions,
  launch: launchLatency,
  'executor-start': ({ runs }) => executorStart(runs ?? undefined),
  peers: ({ runs }) => peers({ rounds: runs }),
}

/** What takes long, or explains figures of the table. */
const others: Readonly<Record<string, Bench>> = {
  micro,
  store: stores,
  durable,
  recovery,
  failover,
  soak: () => soak({ minutes: positive('minutes', flags.minutes), scenario: flags.scenario }),
}

const groups: Readonly<Record<string, readonly string[]>> = { load: Object.keys(loadBenches) }

const { values: flags, positionals: asked } = parseArgs({
  allowPositionals: true,
  options: {
    alone: { type: 'boolean', default: false },
    runs: { type: 'string' },
    share: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '30' },
    scenario: { type: 'string', default: 'control-churn' },
    print: { type: 'boolean', default: false },
  },
})

/** @returns names of benches, in the table's order. @throws Error for a name that there is not */
function chosen(names: readonly string[]): string[] {
  if (names.length === 0) return Object.keys(table)
  const all = [...Object.keys(table), ...Object.keys(others)]
  const wanted = names.flatMap((name) => groups[name] ?? [name])
  const unknown = wanted.filter((name) => !all.includes(name))
  if (unknown.length > 0) {
    const known = [...Object.keys(groups), ...all].join(', ')
    throw new Error(`no bench '${unknown.join(', ')}'; there are ${known}`)
  }
  return all.filter((name) => wanted.includes(name))
}

function positive(flag: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`--${flag} takes a number above 0, not '${text}'`)
  return value
}

interface Found {
  readonly figures: Figure[]
  readonly failures: Failure[]
  /** Markdown below the table. */
  readonly details: string[]
}

/** @param keep called after each bench, so that nothing is lost when a later one takes too long */
async function measured(
  names: readonly string[],
  options: LoadOptions,
  keep: (found: Found) => void,
): Promise<Found> {
  const all: Found = { figures: [], failures: [], details: [] }
  const { figures, failures, details } = all
  for (const name of names) {
    const startedMs = performance.now()
    process.stderr.write(`── ${name}`)
    try {
      const found = await { ...table, ...others }[name]!(options)
      figures.push(...('details' in found ? found.figures : found))
      if ('details' in found) details.push(found.details)
      if ('details' in found && !found.isFlat) failures.push({ name, reason: 'it was not flat' })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      failures.push({ name, reason })
      process.stderr.write(` failed: ${reason}`)
    }
    console.error(`, ${((performance.now() - startedMs) / 1000).toFixed(0)} s`)
    keep(all)
  }
  return all
}

/** @returns nothing in a copy that is no checkout */
function git(...args: string[]): string {
  return spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout.trim()
}

function conditions(): string {
  const changed = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ' and changes'
  const java = /"([^"]+)"/.exec(spawnSync('java', ['-version'], { encoding: 'utf8' }).stderr ?? '')
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  return [
    `Commit ${git('rev-parse', '--short', 'HEAD') || 'unknown'}${changed}`,
    `Node ${process.versions.node}`,
    `Java ${java?.[1] ?? 'not installed'}`,
    `Spark ${apacheVersion}`,
    `${cpus().length} cores (${cpus()[0]?.model ?? '?'}), ${memory}, Linux ${release()}`,
    `load average ${loadavg()[0]!.toFixed(1)} before`,
  ].join('; ')
}

/** What an earlier run has found is kept. */
function freeFile(name: string): string {
  const folder = join(root, 'bench/results')
  for (let count = 1; ; count += 1) {
    const file = join(folder, `${name}${count === 1 ? '' : `-${count}`}.md`)
    if (!existsSync(file)) return file
  }
}

async function main(): Promise<boolean> {
  const options = {
    alone: flags.alone,
    runs: flags.runs === undefined ? null : positive('runs', flags.runs),
    share: Math.min(positive('share', flags.share), 1),
  }
  const names = chosen(asked)
  const machine = conditions()
  const startedMs = performance.now()
  const date = new Date().toISOString().slice(0, 10)
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ')
  const file = freeFile([date, ...asked].join('-'))
  const textOf = ({ figures, failures, details }: Found): string => {
    const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1)
    return `# Measured ${date}

${machine}; ${minutes} minutes. By \`${command}\`. Medians, and in brackets the least and the most; docs/performance.md
says what each figure means.

${[tableOf(figures, failures), ...details].join('\n\n')}
`
  }
  const found = await measured(names, options, (soFar) => {
    if (!flags.print) writeFileSync(file, textOf(soFar))
  })
  console.log(textOf(found))
  const { failures } = found
  return failures.length === 0
}

process.exitCode = (await main()) ? 0 : 1
