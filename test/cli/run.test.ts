/** C1, C6, C7: commands, their answers and statuses. */
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

import { MASTER_CLASS, WORKER_CLASS } from '../../src/cli/commands.js'
import { run, type Surroundings } from '../../src/cli/run.js'
import type { DaemonOptions } from '../../src/conf/options.js'

const confDir = mkdtempSync(join(tmpdir(), 'magneto-cli-'))
afterAll(() => rmSync(confDir, { recursive: true }))

interface Recorded {
  stdout: string
  stderr: string
  started: [string, DaemonOptions][]
  ready: number
  env: NodeJS.ProcessEnv
}

async function runRecorded(
  argv: string[],
  env: NodeJS.ProcessEnv = {},
  status = 0,
): Promise<Recorded & { status: number }> {
  const recorded: Recorded = {
    stdout: '',
    stderr: '',
    started: [],
    ready: 0,
    env: {
      SPARK_CONF_DIR: confDir,
      SPARK_LOCAL_HOSTNAME: 'here',
      MAGNETO_LOG_LEVEL: 'silent',
      ...env,
    },
  }
  const start = (name: string, options: DaemonOptions) => {
    recorded.started.push([name, options])
    return Promise.resolve({ stop: () => Promise.resolve(), stopped: Promise.resolve(status) })
  }
  const outside: Surroundings = {
    env: recorded.env,
    cwd: confDir,
    signals: new EventEmitter(),
    exit: (code) => expect.fail(`exit ${code}`),
    stdout: (text) => void (recorded.stdout += text),
    stderr: (text) => void (recorded.stderr += text),
    startMaster: (options) => start('master', options),
    startWorker: (options) => start('worker', options),
    version: () => Promise.resolve('magneto 9'),
    ready: () => void (recorded.ready += 1),
  }
  const ended = await run(argv, outside)
  return { ...recorded, status: ended }
}

describe('daemons', () => {
  test.each([
    ['master', ['master'], 'master'],
    ["C1 Spark's class", [MASTER_CLASS], 'master'],
    ['worker', ['worker', 'spark://m:1'], 'worker'],
    ["C7 Spark's class", [WORKER_CLASS, 'spark://m:1'], 'worker'],
  ])('%s is started, reported, awaited; its status is ours', async (_name, argv, daemon) => {
    const result = await runRecorded(argv, {}, 7)
    expect(result.status).toBe(7)
    expect(result.stdout + result.stderr).toBe('')
    expect(result.started.map(([name]) => name)).toEqual([daemon])
    expect(result.ready).toBe(1)
  })

  test('F5: the key turns JSON on, for threads too', async () => {
    const env = { SPARK_MASTER_OPTS: '-Dspark.log.structuredLogging.enabled=true' }
    expect((await runRecorded(['master'], env)).env['MAGNETO_LOG_FORMAT']).toBe('json')
  })
})

describe('answers', () => {
  test('version on stdout', async () => {
    expect(await runRecorded(['version'])).toMatchObject({ status: 0, stdout: 'magneto 9\n' })
  })

  test.each([
    [['help'], 'Usage: magneto <command>'],
    [['--help'], 'Usage: magneto <command>'],
    [['help', 'worker'], 'Usage: Worker'],
    [['master', '--help'], 'Usage: Master'],
    [[WORKER_CLASS, '--help'], 'Usage: Worker'],
  ])('C6: %j on stderr, status 0', async (argv, text) => {
    const result = await runRecorded(argv)
    expect(result).toMatchObject({ status: 0, stdout: '', started: [] })
    expect(result.stderr).toContain(text)
  })
})

test.each<[string[], NodeJS.ProcessEnv, string]>([
  [[], {}, 'a command is missing'],
  [['sbumit'], {}, 'unknown command "sbumit"'],
  [['org.apache.spark.deploy.history.HistoryServer'], {}, 'is not Magneto'],
  [['master', '--frob'], {}, 'unknown option "--frob"'],
  [['master', '--port', '80'], {}, '"80" is not a port'],
  [['worker'], {}, 'the master is missing'],
  [['worker', '-m', '1.5g', 'spark://m:1'], {}, '"1.5g" is not a size'],
  [['master', '--properties-file', '/none'], {}, '"/none" does not exist'],
  [['master'], { MAGNETO_LOG_LEVEL: 'loud' }, 'MAGNETO_LOG_LEVEL'],
  [['master'], { MAGNETO_LOG_FORMAT: 'xml' }, 'MAGNETO_LOG_FORMAT'],
])('%j with %j: one line on stderr, status 1', async (argv, env, message) => {
  const result = await runRecorded(argv, env)
  expect(result).toMatchObject({ status: 1, stdout: '', started: [] })
  expect(result.stderr).toMatch(/^magneto: [^\n]+\n$/)
  expect(result.stderr).toContain(message)
})
