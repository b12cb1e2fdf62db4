#!/usr/bin/env tsx
// Writes docs/configuration.md from the tables of src/conf: flags, variables, keys. `--check` writes nothing and fails
// when the page is stale.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { APPS_HELP } from '../src/cli/client/apps.ts'
import { KILL_HELP, LIST_HELP, STATUS_HELP } from '../src/cli/client/drivers.ts'
import { EXIT_STATUS_HELP, LOOK_STATUS_HELP } from '../src/cli/client/exit-status.ts'
import { EXPLAIN_HELP } from '../src/cli/client/explain.ts'
import { LOGS_HELP } from '../src/cli/client/logs.ts'
import { SUBMIT_HELP } from '../src/cli/client/submit.ts'
import { TOP_HELP } from '../src/cli/client/top/top.ts'
import { WORKERS_HELP } from '../src/cli/client/workers.ts'
import { MASTER_FLAGS, WORKER_FLAGS } from '../src/conf/daemon-flags.ts'
import { applicationKeys, keyGroups, resourceKeyForms } from '../src/conf/keys.ts'
import { OF_THE_MASTER, OTHER_KEYS, SERVED } from '../src/conf/no-effect.ts'
import { REFUSED } from '../src/conf/unserved.ts'
import { JVM_VARIABLES, variableGroups } from '../src/conf/variables.ts'

const page = 'docs/configuration.md'
const path = join(dirname(dirname(fileURLToPath(import.meta.url))), page)

const code = (text) => `\`${text}\``

const row = (cells) =>
  `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`

function table(heads, rows) {
  return [row(heads), `|${heads.map(() => '---').join('|')}|`, ...rows.map(row)]
}

/** Names of keys, variables and flags in a sentence, as code; what is code already stays. */
const marked = (doc) =>
  doc.replaceAll(
    /`[^`]*`|(?<![\w.])spark(?:\.[A-Za-z]+)+|\b(?:SPARK|MAGNETO)_[A-Z_]+(?:=\w+)?|(?<!\w)--[a-z-]+/g,
    (found) => (found.startsWith('`') ? found : code(found)),
  )

/** With the id of the row in docs/spark-parity.md, if there is one. */
const cited = (doc, spec) => marked(doc) + (/^[CEFPR]\d/.test(spec) ? ` (${spec})` : '')

function flagRows(flags) {
  return flags.map((flag) => [
    code(`${flag.names.toReversed().join(', ')}${flag.value ? ` ${flag.value}` : ''}`),
    flag.variable ? code(flag.variable) : '',
    flag.default ?? '',
    cited(`${flag.help}.`, flag.spec),
  ])
}

function variableTables() {
  const heads = ['variable', 'default', 'meaning']
  return variableGroups.flatMap(({ title, variables }) => {
    const rows = variables.map((one) => [
      code(one.name),
      one.default ?? '',
      cited(one.doc, one.spec),
    ])
    return ['', `### ${title}`, ''].concat(table(heads, rows))
  })
}

const named = (key) => [key.name, ...(key.alternatives ?? [])].map(code).join(', else ')

function defaultOf(key) {
  if (key.follows) return code(key.follows.name)
  const shown = key.parse.show(key.default)
  if (shown === '') return 'none'
  return key.default === null || shown === 'no limit' ? shown : code(shown)
}

/** Which daemons act on it. */
function readers(key) {
  const master = SERVED.master.includes(key)
  const worker = SERVED.worker.includes(key) && !OF_THE_MASTER.includes(key)
  return master && worker ? 'both' : master ? 'master' : worker ? 'worker' : null
}

const refusedValues = new Map(REFUSED.map(({ key, values }) => [key, values]))

function keyRow(key, by) {
  const refused = refusedValues.has(key) ? ` Refused: ${refusedValues.get(key)}.` : ''
  const doc = [key.doc, key.differs].filter(Boolean).join(' ') + refused
  return [named(key), defaultOf(key), key.parse.form, by, cited(doc, key.spec)]
}

const keyHeads = ['key', 'default', 'value', 'read by', 'meaning']

function servedGroups() {
  return keyGroups.flatMap(({ title, keys }) => {
    const rows = keys.flatMap((key) => (readers(key) ? [keyRow(key, readers(key))] : []))
    if (title === 'Custom resources') {
      for (const { name, form, doc } of resourceKeyForms)
        rows.push([code(name), 'not set', form, 'worker', cited(doc, 'P41')])
    }
    return rows.length === 0 ? [] : ['', `### ${title}`, '', ...table(keyHeads, rows)]
  })
}

function refusedRows() {
  return REFUSED.map(({ key, values }) => [named(key), values, cited(key.doc, key.spec)])
}

function withoutEffect() {
  const idle = keyGroups
    .flatMap(({ keys }) => keys)
    .filter((key) => readers(key) === null && !refusedValues.has(key))
  const rows = idle.map((key) => [
    named(key),
    key.readBy,
    cited([key.doc, key.differs].filter(Boolean).join(' '), key.spec),
  ])
  for (const { names, daemon, doc } of OTHER_KEYS)
    rows.push([names.replaceAll(/(spark)?\.[A-Za-z.*]+/g, code('$&')), daemon, marked(doc)])
  return rows
}

const drivers = [SUBMIT_HELP, STATUS_HELP, KILL_HELP, LIST_HELP, LOGS_HELP]
const commandHelps = [...drivers, TOP_HELP, APPS_HELP, WORKERS_HELP, EXPLAIN_HELP]

const lines = [
  '# Configuration',
  '',
  'Written by `npm run generate` from the tables in `src/conf`; do not edit. Names in brackets are ids of Spark behaviours, as in',
  '[spark-parity.md](spark-parity.md).',
  '',
  '**Where settings come from**, the stronger first:',
  '',
  '- hosts, ports, cores, memory, work folder: flag, variable, default. For the ports of the web UIs `spark.master.ui.port` and',
  '  `spark.worker.ui.port` beat both (C15).',
  '- `spark.*` settings: `SPARK_MASTER_OPTS` or `SPARK_WORKER_OPTS`, `SPARK_DAEMON_JAVA_OPTS`, `conf/java-opts`, then the properties file:',
  '  `--properties-file`, else `conf/spark-defaults.conf`. Within one line or file the last one counts.',
  '- `conf/spark-env.sh` is read by all scripts and sets variables.',
  '',
  '**How values are written.** Times: a whole number with us, ms, s, m, min, h or d, such as `30s`; without a unit it counts what the',
  'table names in brackets. Sizes: a whole number with b, k, m, g, t or p, such as `512m`, all binary; without a unit, bytes. Ports: 0',
  'for any free one, or 1024 to 65535; when one is taken the next ones are tried (C16). Words may be in any case.',
  '',
  "A value that can't be read stops the start with status 1 and one line that names the key, the file and line or the variable, and what",
  'was expected. An unknown key `spark.deploy.*`, `spark.master.*`, `spark.worker.*` or `spark.magneto.*` gets a warning with the nearest known one.',
  '',
  '## Flags',
  '',
  'Those of the daemons; [sbin/README.md](../sbin/README.md) has the scripts.',
  '',
  '`magneto master`, `sbin/start-master.sh`:',
  '',
  ...table(['flag', 'variable', 'default', 'meaning'], flagRows(MASTER_FLAGS)),
  '',
  '`magneto worker`, `sbin/start-worker.sh`, before or after the master (`spark://host:port`, or `spark://h1:p1,h2:p2`; C8):',
  '',
  ...table(['flag', 'variable', 'default', 'meaning'], flagRows(WORKER_FLAGS)),
  '',
  '## Commands',
  '',
  'Those of `bin/magneto` that speak to a cluster.',
  ...commandHelps.flatMap((help) => [
    '',
    '```text',
    help.replace(EXIT_STATUS_HELP, '').replace(LOOK_STATUS_HELP, '').trim(),
    '```',
  ]),
  '',
  'They end with:',
  '',
  '```text',
  EXIT_STATUS_HELP.trim(),
  '```',
  '',
  '## Environment variables',
  ...variableTables(),
  '',
  `${JVM_VARIABLES.map(code).join(', ')} speak to a JVM and have no effect (E6); a warning says so.`,
  '',
  '## Keys',
  ...servedGroups(),
  '',
  '## Keys of applications',
  '',
  'Set by whoever submits; the daemons read none of them.',
  '',
  ...table(
    ['key', 'meaning'],
    applicationKeys.map(({ name, doc, spec }) => [code(name), cited(doc, spec)]),
  ),
  '',
  '## Keys that are refused',
  '',
  'Each promises what this release does not do; a daemon that is asked for it refuses to start.',
  '',
  ...table(['key', 'values', 'meaning'], refusedRows()),
  '',
  '## Keys without effect',
  '',
  "Spark's daemons read them; ours accept them and name those that are set in one warning at start.",
  '',
  ...table(['key', 'of', 'meaning in Spark'], withoutEffect()),
]
const text = `${lines.join('\n')}\n`

if (process.argv.includes('--check')) {
  let committed = null
  try {
    committed = readFileSync(path, 'utf8')
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
  if (committed !== text) {
    console.error(`${page} is stale: run npm run generate and commit it`)
    process.exitCode = 1
  }
} else {
  writeFileSync(path, text)
}
