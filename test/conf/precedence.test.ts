/** C4, C9, C15, E1, E3, E4, F2, F6: of several sources that set one thing, the strongest wins, whatever else is set. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { keys } from '../../src/conf/keys.js'
import { parseMasterOptions, parseWorkerOptions } from '../../src/conf/options.js'

type Daemon = 'master' | 'worker'

const folder = mkdtempSync(join(tmpdir(), 'magneto-precedence-'))
afterAll(() => rmSync(folder, { recursive: true }))

function parse(daemon: Daemon, argv: string[], env: NodeJS.ProcessEnv) {
  const all = { SPARK_CONF_DIR: folder, SPARK_LOCAL_HOSTNAME: 'here', ...env }
  const options =
    daemon === 'master'
      ? parseMasterOptions(argv, all, () => {})
      : parseWorkerOptions([...argv, 'spark://m:7077'], all, () => {})
  if ('help' in options) throw new Error('got help')
  return options
}

/** Every choice of some of the sources. */
function subsets<T>(sources: readonly T[]): T[][] {
  return sources.reduce<T[][]>(
    (chosen, source) => chosen.concat(chosen.map((some) => some.concat(source))),
    [[]],
  )
}

/** One way to set something, and what the option is worth when this way wins. */
type Source =
  | { flag: string; text: string; value: unknown }
  | { variable: string; text: string; value: unknown }
  | { setting: string; text: string; value: unknown }

function nameOf(source: Source): string {
  if ('flag' in source) return source.flag
  return 'variable' in source ? source.variable : `${source.setting} in the file`
}

/** A conf folder whose spark-defaults.conf has the settings among the sources. */
function confDirOf(sources: readonly Source[]): string {
  const lines = sources.flatMap((one) => ('setting' in one ? [`${one.setting} ${one.text}`] : []))
  if (lines.length === 0) return folder
  const directory = mkdtempSync(join(folder, 'conf-'))
  writeFileSync(join(directory, 'spark-defaults.conf'), lines.join('\n'))
  return directory
}

/** Weakest first; the first value is the default. */
const quantities: [string, Daemon, string, unknown, Source[]][] = [
  [
    'C2, E1, E2',
    'master',
    'host',
    'here',
    [
      { variable: 'SPARK_MASTER_IP', text: 'ip', value: 'ip' },
      { variable: 'SPARK_MASTER_HOST', text: 'variable', value: 'variable' },
      { flag: '--host', text: 'flag', value: 'flag' },
    ],
  ],
  [
    'C3, E1',
    'master',
    'port',
    7077,
    [
      { variable: 'SPARK_MASTER_PORT', text: '2000', value: 2000 },
      { flag: '--port', text: '2001', value: 2001 },
    ],
  ],
  [
    'C4, P19, E1',
    'master',
    'webUiPort',
    8080,
    [
      { variable: 'SPARK_MASTER_WEBUI_PORT', text: '2000', value: 2000 },
      { flag: '--webui-port', text: '2001', value: 2001 },
      { setting: 'spark.master.ui.port', text: '2004', value: 2004 },
      { variable: 'SPARK_DAEMON_JAVA_OPTS', text: '-Dspark.master.ui.port=2002', value: 2002 },
      { variable: 'SPARK_MASTER_OPTS', text: '-Dspark.master.ui.port=2003', value: 2003 },
    ],
  ],
  ['C9', 'worker', 'host', 'here', [{ flag: '--host', text: 'flag', value: 'flag' }]],
  [
    'C9, E4',
    'worker',
    'port',
    0,
    [
      { variable: 'SPARK_WORKER_PORT', text: '2000', value: 2000 },
      { flag: '--port', text: '2001', value: 2001 },
    ],
  ],
  [
    'C9, P36, E4',
    'worker',
    'webUiPort',
    8081,
    [
      { variable: 'SPARK_WORKER_WEBUI_PORT', text: '2000', value: 2000 },
      { flag: '--webui-port', text: '2001', value: 2001 },
      { setting: 'spark.worker.ui.port', text: '2004', value: 2004 },
      { variable: 'SPARK_DAEMON_JAVA_OPTS', text: '-Dspark.worker.ui.port=2002', value: 2002 },
      { variable: 'SPARK_WORKER_OPTS', text: '-Dspark.worker.ui.port=2003', value: 2003 },
    ],
  ],
  [
    'C10, E4',
    'worker',
    'cores',
    null,
    [
      { variable: 'SPARK_WORKER_CORES', text: '3', value: 3 },
      { flag: '--cores', text: '4', value: 4 },
    ],
  ],
  [
    'C11, E4',
    'worker',
    'memoryMb',
    null,
    [
      { variable: 'SPARK_WORKER_MEMORY', text: '1g', value: 1024 },
      { flag: '--memory', text: '2g', value: 2048 },
    ],
  ],
  [
    'C12, E4',
    'worker',
    'workDir',
    expect.stringMatching(/\/work$/),
    [
      { variable: 'SPARK_WORKER_DIR', text: '/variable', value: '/variable' },
      { flag: '--work-dir', text: '/flag', value: '/flag' },
    ],
  ],
]

describe.each(quantities)('%s, %s: %s', (_ids, daemon, option, unset, sources) => {
  test.each(subsets(sources).map((chosen) => [chosen.map(nameOf).join(' + '), chosen]))(
    'C15: %s',
    (_names, chosen) => {
      const argv = chosen.flatMap((source) => ('flag' in source ? [source.flag, source.text] : []))
      const env = Object.fromEntries(
        chosen.flatMap((source) => ('variable' in source ? [[source.variable, source.text]] : [])),
      )
      const want = chosen.at(-1)?.value ?? unset
      expect(parse(daemon, argv, { SPARK_CONF_DIR: confDirOf(chosen), ...env })).toMatchObject({
        [option]: want,
      })
    },
  )
})

describe.each(['master', 'worker'] as const)('%s: spark.* settings', (daemon) => {
  const own = daemon === 'master' ? 'SPARK_MASTER_OPTS' : 'SPARK_WORKER_OPTS'
  const other = daemon === 'master' ? 'SPARK_WORKER_OPTS' : 'SPARK_MASTER_OPTS'
  const key = keys.portMaxRetries
  let number = 0
  let confDir = ''
  beforeAll(() => {
    confDir = mkdtempSync(join(folder, 'conf-'))
  })

  /** Weakest first; each sets the key to its place in this list. */
  const places = [
    'C5, F2: conf/spark-defaults.conf',
    'a later line of it',
    'F6: conf/java-opts',
    'E3: SPARK_DAEMON_JAVA_OPTS',
    'a later -D of it',
    `E3: ${own}`,
    'a later -D of that',
  ]

  test.each(
    subsets(Array.from(places.keys())).map((chosen) => [
      chosen.map((at) => places[at]).join(' + '),
      chosen,
    ]),
  )('C15: %s', (_names, chosen) => {
    const directory = join(confDir, String((number += 1)))
    mkdirSync(directory)
    const setting = (at: number) => (chosen.includes(at) ? `-D${key.name}=${100 + at}` : '')
    const lines = [0, 1].filter((at) => chosen.includes(at)).map((at) => `${key.name} ${100 + at}`)
    writeFileSync(join(directory, 'spark-defaults.conf'), lines.join('\n'))
    writeFileSync(join(directory, 'java-opts'), setting(2))
    const { configuration } = parse(daemon, [], {
      SPARK_CONF_DIR: directory,
      SPARK_DAEMON_JAVA_OPTS: `${setting(3)} ${setting(4)}`,
      [own]: `${setting(5)} ${setting(6)}`,
      [other]: `-D${key.name}=1`,
    })
    const strongest = chosen.at(-1)
    expect(configuration.read(key)).toBe(strongest === undefined ? key.default : 100 + strongest)
  })

  test('C5, C13, C15: --properties-file takes the place of spark-defaults.conf, and loses to -D', () => {
    const directory = join(confDir, 'named')
    mkdirSync(directory)
    writeFileSync(
      join(directory, 'spark-defaults.conf'),
      `${key.name} 1\nspark.decommission.enabled true`,
    )
    const file = join(directory, 'mine.conf')
    writeFileSync(file, `${key.name} 2\nspark.worker.timeout 30`)
    const env = { SPARK_CONF_DIR: directory, [own]: '-Dspark.worker.timeout=40' }
    const { configuration } = parse(daemon, ['--properties-file', file], env)
    expect(configuration.read(key)).toBe(2)
    expect(configuration.read(keys.decommissionEnabled)).toBe(false)
    expect(configuration.read(keys.workerTimeoutMs)).toBe(40_000)
  })
})
