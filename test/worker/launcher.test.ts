/** Real processes through the real pool: its threads run the compiled code. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { encodeApplication } from '../../src/control/codec.js'
import { createLogger } from '../../src/log/logger.js'
import * as schema from '../../src/schema/magneto.js'
import { Guardian } from '../../src/worker/guardian.js'
import type { Launcher } from '../../src/worker/launcher/pool.js'
import type { LauncherThreads } from '../../src/worker/launcher/threads.js'
import type { WorkFolders } from '../../src/worker/launcher/work-folders.js'
import type { LogRolling } from '../../src/worker/log-rolling.js'
import type { ExecutorResult } from '../../src/worker/launcher/request.js'

type PoolModule = typeof import('../../src/worker/launcher/pool.js')
type ThreadsModule = typeof import('../../src/worker/launcher/threads.js')
type FoldersModule = typeof import('../../src/worker/launcher/work-folders.js')
const compiled = resolve(import.meta.dirname, '../../dist/src/worker/launcher')
const load = async (name: string): Promise<unknown> =>
  import(pathToFileURL(join(compiled, name)).href)
const log = createLogger('Test', { level: 'silent' })

let root = ''
let launcher: Launcher
let threads: LauncherThreads
let folders: WorkFolders
let guardian: Guardian
/** Settles when the executor of that id has started, or ended. */
let started: Map<number, (pid: number) => void>
let ended: Map<number, (result: ExecutorResult) => void>

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-launcher-'))
  started = new Map()
  ended = new Map()
  guardian = await Guardian.start({ log, killTimeoutMs: 1000 })
  launcher = await makeLauncher()
})
afterEach(async () => {
  await closeAll()
  await guardian.close()
  await rm(root, { recursive: true, force: true })
})

async function closeAll() {
  await launcher.close()
  await threads.close()
}

/** @param killTimeoutMs nobody is killed in it who only has to come to his turn */
async function makeLauncher(
  localDirRoots = [join(root, 'scratch')],
  killTimeoutMs = 60_000,
  rolling: LogRolling | null = null,
) {
  const { Launcher: Compiled } = (await load('pool.js')) as PoolModule
  const { LauncherThreads: Threads } = (await load('threads.js')) as ThreadsModule
  const { WorkFolders: Folders } = (await load('work-folders.js')) as FoldersModule
  threads = new Threads({ log, guardian })
  folders = new Folders(threads, join(root, 'work'))
  return new Compiled({
    settings: {
      workDir: join(root, 'work'),
      workerUrl: 'spark://Worker@here:1234',
      host: 'here',
      sparkHomes: [{ path: join(root, 'spark'), version: '4.3.0', runtime: 'spark-4.3' }],
      ownConfDir: join(root, 'conf'),
      redactionPattern: /secret/i,
      execPath: process.execPath,
      executorMain: join(root, 'main.mjs'),
      webUiUrl: 'http://here:8081',
      killTimeoutMs,
      rolling,
      classDataDir: null,
    },
    log,
    threads,
    folders,
    localDirRoots,
    onTraining: () => () => {},
    onStarted: (order, note) => started.get(order.executorId)?.(note.pid),
    onEnded: (order, result) => ended.get(order.executorId)?.(result),
  })
}

function later<T>(waiting: Map<number, (value: T) => void>, executorId: number): Promise<T> {
  return new Promise((settle) => {
    waiting.set(executorId, settle)
  })
}

interface Launched {
  running: Promise<number>
  over: Promise<ExecutorResult>
}

function launch(
  executorId: number,
  command: schema.JvmCommandT | schema.NodeCommandT,
  resources: schema.ResourceT[] = [],
): Launched {
  const kind =
    command instanceof schema.NodeCommandT ? schema.Command.NodeCommand : schema.Command.JvmCommand
  const description = new schema.ApplicationDescriptionT('a', 'u', '')
  description.defaultProfile = new schema.ResourceProfileT()
  description.commandType = kind
  description.command = command
  description.runtime = kind === schema.Command.NodeCommand ? 'node' : 'spark-4.3'
  const order = new schema.LaunchExecutorT('spark://m:1', 'app', executorId, 0, 2, 256, resources)
  order.application = encodeApplication(description)
  const launched = { running: later(started, executorId), over: later(ended, executorId) }
  launcher.launch(order, Date.now())
  return launched
}

/** A Node executor that runs `body`. */
async function node(executorId: number, body: string, resources: schema.ResourceT[] = []) {
  await writeFile(join(root, 'main.mjs'), body)
  const args = ['--id', '{{EXECUTOR_ID}}', '--on', '{{HOSTNAME}}']
  const environment = [new schema.PropertyT('MAGNETO_APP_TOKEN', 'hidden')]
  return launch(executorId, new schema.NodeCommandT('/app/m.js', args, environment), resources)
}

const executor = (id: number) => join(root, 'work', 'app', String(id))
const stays = `process.stdin.resume().on('end', () => process.exit(9)); console.log('up')`

describe('a Node executor', () => {
  test('W2, W7, W13: runs in its folder, logs to files and ends with its code', async () => {
    const { over } = await node(
      7,
      `console.log(JSON.stringify([process.cwd(), process.execArgv, process.argv.slice(2)]));
       console.error('oh'); process.exit(3)`,
    )
    expect(await over).toEqual({
      kind: 'exited',
      exitStatus: 3,
      message: 'Command exited with code 3',
    })
    expect(JSON.parse(await readFile(join(executor(7), 'stdout'), 'utf8'))).toEqual([
      executor(7),
      ['--max-old-space-size=256'],
      ['--module', '/app/m.js', '--id', '7', '--on', 'here'],
    ])
    const stderr = await readFile(join(executor(7), 'stderr'), 'utf8')
    expect(stderr).toMatch(/^Spark Executor Command: ".*node.*"\n={40}\n\noh\n$/)
    expect(stderr).not.toContain('hidden')
  })

  test('E18: gets every variable as it was given, whatever its name', async () => {
    await writeFile(join(root, 'main.mjs'), 'console.log(JSON.stringify(process.env))')
    const given = {
      'spark.odd-name': 'a b\n"c" $d',
      'BASH_FUNC_f%%': '() { :; }',
      IFS: 'x',
      PPID: '5',
      PWD: '/elsewhere',
      empty: '',
    }
    const properties = Object.entries(given).map((pair) => new schema.PropertyT(...pair))
    await launch(8, new schema.NodeCommandT('/m.js', [], properties)).over
    const stdout = await readFile(join(executor(8), 'stdout'), 'utf8')
    expect(JSON.parse(stdout)).toMatchObject(given)
  })

  test('W21, E18: learns where its logs are read, whatever its application says', async () => {
    await writeFile(join(root, 'main.mjs'), 'console.log(JSON.stringify(process.env))')
    const properties = [new schema.PropertyT('SPARK_LOG_URL_STDOUT', 'http://elsewhere')]
    await launch(8, new schema.NodeCommandT('/m.js', [], properties)).over
    const stdout = await readFile(join(executor(8), 'stdout'), 'utf8')
    const page = 'http://here:8081/logPage/?appId=app&executorId=8'
    expect(JSON.parse(stdout)).toMatchObject({
      SPARK_LOG_URL_STDOUT: `${page}&logType=stdout`,
      SPARK_LOG_URL_STDERR: `${page}&logType=stderr`,
    })
  })

  test('has no descriptor of the guardian', async () => {
    const { over } = await node(
      9,
      `import { readdirSync, readlinkSync } from 'node:fs'
       for (const fd of readdirSync('/proc/self/fd')) {
         try { console.log(readlinkSync('/proc/self/fd/' + fd)) } catch {}
       }`,
    )
    await over
    expect(await readFile(join(executor(9), 'stdout'), 'utf8')).not.toContain('magneto-guardian')
  })

  test('W3: two executors of an application share private scratch folders', async () => {
    const body = `console.log(process.env.SPARK_EXECUTOR_DIRS, process.env.MAGNETO_APP_TOKEN)`
    await (
      await node(1, body)
    ).over
    await (
      await node(2, body)
    ).over
    const dirs = await readFile(join(executor(1), 'stdout'), 'utf8')
    expect(dirs).toMatch(/\/scratch\/spark-[0-9a-f-]{36}\/executor-[0-9a-f-]{36} hidden\n/)
    expect(await readFile(join(executor(2), 'stdout'), 'utf8')).toBe(dirs)
  })

  test('holds an open stdin for as long as its worker lives', async () => {
    const { running, over } = await node(1, stays)
    const pid = await running
    await appears(join(executor(1), 'stdout'))
    process.kill(pid, 'SIGINT')
    expect(await over).toMatchObject({ kind: 'exited', exitStatus: 130 })
  })

  test('W8, G4: gets its resources in a file', async () => {
    const gpu = new schema.ResourceT('gpu', ['0', '2'])
    const { over } = await node(4, `console.log(process.argv.at(-2), process.argv.at(-1))`, [gpu])
    await over
    const path = join(executor(4), 'resource-executor-4.json')
    expect(await readFile(join(executor(4), 'stdout'), 'utf8')).toBe(`--resourcesFile ${path}\n`)
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual([
      { id: { componentName: 'spark.executor', resourceName: 'gpu' }, addresses: ['0', '2'] },
    ])
  })
})

describe('T8: killing', () => {
  test('TERM is enough for most', async () => {
    const { running, over } = await node(1, stays)
    await running
    launcher.kill('app', 1)
    expect(await over).toMatchObject({ kind: 'exited', exitStatus: 143 })
  })

  test('KILL for those that ignore it, and for what they started', async () => {
    await closeAll()
    launcher = await makeLauncher(undefined, 100)
    const { running, over } = await node(
      1,
      `import { spawn } from 'node:child_process'
       import { writeFileSync } from 'node:fs'
       process.on('SIGTERM', () => {})
       const child = spawn('sleep', ['600'], { stdio: 'ignore' })
       writeFileSync('child', String(child.pid))
       setInterval(() => {}, 1000)`,
    )
    const pid = await running
    const child = Number(await appears(join(executor(1), 'child')))
    launcher.kill('app', 1)
    expect(await over).toMatchObject({ kind: 'exited', exitStatus: 137 })
    await gone(pid)
    await gone(child)
  })

  test('before it started: it never does', async () => {
    const { over } = await node(1, stays)
    launcher.kill('app', 1)
    expect(await over).toEqual({ kind: 'failed', message: 'Killed before it started' })
  })

  test('of one among many leaves the others alone', async () => {
    const first = await node(1, stays)
    const second = await node(2, stays)
    await Promise.all([first.running, second.running])
    launcher.kill('app', 1)
    await first.over
    launcher.kill('app', 1)
    launcher.kill('nobody', 1)
    expect(process.kill(await second.running, 0)).toBe(true)
  })

  test('W18: close ends all and removes all scratch folders', async () => {
    const { running, over } = await node(1, stays)
    await running
    await closeAll()
    expect(await over).toMatchObject({ kind: 'exited', exitStatus: 143 })
    expect(await readdir(join(root, 'scratch'))).toEqual([])
    launcher = await makeLauncher()
  })
})

describe('W16: folders of ended applications', () => {
  const future = () => Date.now() + 60_000

  test('go, and those of live ones stay whatever their age', async () => {
    await (
      await node(1, '')
    ).over
    expect(await folders.listDirs()).toEqual(['app'])
    expect(await folders.removeExpiredDir('app', future())).toBe(false)
    await folders.keepDir('app', Date.now())
    launcher.cleanUpApplication('app')
    expect(await folders.removeExpiredDir('app', Date.now() - 60_000)).toBe(false)
    expect(await folders.removeExpiredDir('app', future())).toBe(true)
    expect(await folders.listDirs()).toEqual([])
  })

  test('an executor that is launched meanwhile waits, and finds its folder whole', async () => {
    await (
      await node(1, '')
    ).over
    launcher.cleanUpApplication('app')
    await writeFile(join(root, 'main.mjs'), '')
    const removal = folders.removeExpiredDir('app', future())
    const { over } = launch(2, new schema.NodeCommandT('/m.js', [], []))
    expect(await removal).toBe(true)
    expect(await over).toMatchObject({ kind: 'exited', exitStatus: 0 })
    expect(await readdir(join(root, 'work', 'app'))).toContain('2')
    expect(await folders.listDirs()).toEqual(['app'])
  })
})

describe('W12: rolled logs', () => {
  const ROLLING: LogRolling = {
    policy: { by: 'size', maxBytes: 100_000 },
    maxRetainedFiles: 2,
    compress: false,
  }
  beforeEach(async () => {
    await closeAll()
    launcher = await makeLauncher(undefined, undefined, ROLLING)
  })

  test('hold every byte of an executor that ends at once, in order, newest last', async () => {
    const { over } = await node(
      1,
      `const { writeSync } = await import('node:fs')
       for (let n = 0; n < 27_000; n += 1) {
         for (let line = String(n).padStart(9, '0') + '\\n'; line !== '';) {
           try { line = line.slice(writeSync(1, line)) } catch (error) { if (error.code !== 'EAGAIN') throw error }
         }
       }
       console.error('oh'); process.exitCode = 5`,
    )
    expect(await over).toMatchObject({ kind: 'exited', exitStatus: 5 })
    const names = (await readdir(executor(1))).filter((name) => name !== 'stdout').toSorted()
    expect(names).toEqual([
      'stderr',
      ...Array(2).fill(expect.stringMatching(/^stdout--\d{4}-\d\d-\d\d--\d\d-\d\d-\d\d--\d{4}$/)),
    ])
    const parts = [...names.slice(1), 'stdout'].map((name) =>
      readFile(join(executor(1), name), 'utf8'),
    )
    const all = await Promise.all(parts)
    for (const part of all.slice(0, 2)) expect(part.length).toBeGreaterThan(90_000)
    for (const part of all) expect(part.length).toBeLessThanOrEqual(100_000)
    const expected = Array.from({ length: 27_000 }, (_, n) => `${String(n).padStart(9, '0')}\n`)
    expect(all.join('')).toBe(expected.join(''))
    expect(await readFile(join(executor(1), 'stderr'), 'utf8')).toMatch(
      /^Spark Executor Command: .*\n={40}\n\noh\n$/,
    )
  })

  test('T8: an end is not held up by what the executor left behind in a session of its own', async () => {
    const { running, over } = await node(
      1,
      `import { spawn } from 'node:child_process'
       const child = spawn('sleep', ['600'], { detached: true, stdio: 'inherit' })
       console.log(String(child.pid)); child.unref()
       setInterval(() => {}, 1000)`,
    )
    await running
    const left = Number(await appears(join(executor(1), 'stdout')))
    try {
      launcher.kill('app', 1)
      expect(await over).toMatchObject({ kind: 'exited', exitStatus: 143 })
    } finally {
      try {
        process.kill(left, 'SIGKILL')
      } catch {
        // It has ended with the executor, and whoever it fell to has asked for its status.
      }
    }
  })

  test('a program that is missing fails as ever', async () => {
    const command = await fakeJava('exit 0')
    command.environment = [new schema.PropertyT('PATH', ''), new schema.PropertyT('JAVA_HOME', '')]
    expect(await launch(0, command).over).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/no java/) as string,
    })
  })
})

async function fakeJava(script: string): Promise<schema.JvmCommandT> {
  await mkdir(join(root, 'jvm', 'bin'), { recursive: true })
  await mkdir(join(root, 'spark', 'jars'), { recursive: true })
  await writeFile(join(root, 'jvm', 'bin', 'java'), `#!/bin/sh\n${script}\n`)
  await chmod(join(root, 'jvm', 'bin', 'java'), 0o755)
  const command = new schema.JvmCommandT('Main', ['--app-id', '{{APP_ID}}'])
  command.environment = [new schema.PropertyT('JAVA_HOME', join(root, 'jvm'))]
  command.sparkVersion = '4.3.2'
  return command
}

describe('a JVM executor', () => {
  test('starts from the distribution of its version', async () => {
    const { over } = launch(0, await fakeJava('echo "$SPARK_HOME" "$@"; exit 52'))
    expect(await over).toMatchObject({ exitStatus: 52 })
    const spark = join(root, 'spark')
    expect(await readFile(join(executor(0), 'stdout'), 'utf8')).toBe(
      `${spark} -cp ${spark}/conf:${spark}/jars/* -Xmx256M Main --app-id app\n`,
    )
  })

  test('S6: that lives for a moment only has started before it has ended', async () => {
    const command = await fakeJava('exit 0')
    const told: string[] = []
    const all = Array.from({ length: 40 }, async (_, id) => {
      const { running, over } = launch(id, command)
      await Promise.all([
        running.then(() => told.push(`${id} started`)),
        over.then(() => told.push(`${id} ended`)),
      ])
    })
    await Promise.all(all)
    for (let id = 0; id < all.length; id++) {
      expect(told.filter((line) => line.startsWith(`${id} `))).toEqual([
        `${id} started`,
        `${id} ended`,
      ])
    }
  })

  test('of a version that is not here fails and says what is', async () => {
    const command = Object.assign(await fakeJava('exit 0'), { sparkVersion: '3.5.9' })
    expect(await launch(0, command).over).toEqual({
      kind: 'failed',
      message: expect.stringMatching(/built for 3\.5\.9; it has 4\.3\.0/) as string,
    })
  })

  test('without java fails and says so', async () => {
    const command = await fakeJava('exit 0')
    command.environment = [new schema.PropertyT('PATH', ''), new schema.PropertyT('JAVA_HOME', '')]
    expect(await launch(0, command).over).toMatchObject({
      kind: 'failed',
      message: 'Error running executor: there is no java in the PATH; set JAVA_HOME on the worker',
    })
  })
})

describe('what can go wrong', () => {
  test('W3: no scratch folder', async () => {
    await closeAll()
    await writeFile(join(root, 'file'), '')
    launcher = await makeLauncher([join(root, 'file')])
    expect(await (await node(1, stays)).over).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/no scratch folder can be used/) as string,
    })
  })

  test('an application that is no description', async () => {
    const order = new schema.LaunchExecutorT('spark://m:1', 'app', 5, 0, 1, 256, [])
    const over = later(ended, 5)
    launcher.launch(order, Date.now())
    expect(await over).toMatchObject({ kind: 'failed' })
  })

  test('an application id that leads out of the work folder', async () => {
    const order = new schema.LaunchExecutorT('spark://m:1', '../app', 5, 0, 1, 256, [])
    const over = later(ended, 5)
    launcher.launch(order, Date.now())
    expect(await over).toMatchObject({ message: expect.stringMatching(/no folder name/) as string })
    expect(await readdir(root)).not.toContain('app')
  })

  test('a thread that breaks takes its executors along, and the next launch has a new one', async () => {
    const first = await node(1, stays)
    const pid = await first.running
    await Promise.all(threads.workers.map((thread) => thread.terminate()))
    expect(await first.over).toMatchObject({
      exitStatus: 137,
      message: expect.stringMatching(/^the launcher broke/) as string,
    })
    await gone(pid)
    const second = await node(2, 'process.exit(0)')
    expect(await second.over).toMatchObject({ kind: 'exited', exitStatus: 0 })
  })

  test('scratch folders go with their application', async () => {
    await (
      await node(1, '')
    ).over
    const [worker = ''] = await readdir(join(root, 'scratch'))
    launcher.cleanUpApplication('app')
    launcher.cleanUpApplication('unknown')
    await until(async () => (await readdir(join(root, 'scratch', worker))).length === 0)
  })
})

/** Looks again and again; the test's own timeout is the limit. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((again) => setTimeout(again, 5))
}

async function appears(path: string): Promise<string> {
  let content = ''
  await until(async () => {
    content = await readFile(path, 'utf8').catch(() => '')
    return content !== ''
  })
  return content
}

/** Also zombies that nobody has reaped yet count as gone. */
async function gone(pid: number): Promise<void> {
  await until(async () => {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    return status === '' || status.includes(') Z ')
  })
}
