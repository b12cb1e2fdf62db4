/** W11: executors die with their worker, also when it has no time to say so. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const dist = pathToFileURL(resolve(import.meta.dirname, '../../dist/src')).href
let root = ''

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-fate-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

/** A process with a guardian and a launcher in it, which starts executors and prints their process ids. */
const host = `
  import { Guardian } from '${dist}/worker/guardian.js'
  import { Launcher } from '${dist}/worker/launcher/pool.js'
  import { LauncherThreads } from '${dist}/worker/launcher/threads.js'
  import { WorkFolders } from '${dist}/worker/launcher/work-folders.js'
  import { encodeApplication } from '${dist}/control/codec.js'
  import * as schema from '${dist}/schema/magneto.js'
  const [root, runtime, count] = process.argv.slice(2)
  const description = new schema.ApplicationDescriptionT('a', 'u', '')
  description.defaultProfile = new schema.ResourceProfileT()
  description.runtime = runtime
  if (runtime === 'node') {
    description.commandType = schema.Command.NodeCommand
    description.command = new schema.NodeCommandT('/m.js')
  } else {
    description.commandType = schema.Command.JvmCommand
    description.command = new schema.JvmCommandT('Main', ['{{EXECUTOR_ID}}'])
    description.command.environment = [new schema.PropertyT('JAVA_HOME', root + '/jvm')]
  }
  const log = { info() {}, warn() {}, error() {} }
  const guardian = await Guardian.start({ log, killTimeoutMs: 1000 })
  const threads = new LauncherThreads({ log, guardian })
  const launcher = new Launcher({
    settings: {
      workDir: root + '/work', workerUrl: '', host: 'h',
      sparkHomes: [{ path: root + '/spark', version: '4.3.0', runtime: 'spark-4.3' }],
      ownConfDir: '', redactionPattern: /x/, execPath: process.execPath,
      executorMain: root + '/main.mjs', webUiUrl: '', killTimeoutMs: 100, rolling: null, classDataDir: null,
    },
    log,
    threads,
    folders: new WorkFolders(threads, root + '/work'),
    localDirRoots: [root + '/scratch'],
    onStarted: (_order, note) => console.log(note.pid),
    onEnded: (_order, result) => console.log(JSON.stringify(result)),
  })
  for (let id = 0; id < Number(count); id += 1) {
    const order = new schema.LaunchExecutorT('spark://m:1', 'app', id, 0, 1, 64, [])
    order.application = encodeApplication(description)
    launcher.launch(order, Date.now())
  }
`

/** Processes that descend from this test's worker. */
function descendants(): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
      return environment.includes(`MAGNETO_FATE=${root}\0`)
    } catch {
      return false
    }
  })
}

/** @returns the process ids of a worker and of the first executors that it has started */
async function start(runtime: string, count: number, awaited = count) {
  await writeFile(join(root, 'host.mjs'), host)
  const worker = spawn(process.execPath, [join(root, 'host.mjs'), root, runtime, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, MAGNETO_FATE: root },
  })
  const pids: number[] = []
  for await (const line of createInterface(worker.stdout)) {
    pids.push(Number(line))
    if (pids.length === awaited) break
  }
  expect(pids.every((pid) => pid > 1)).toBe(true)
  return { worker, pids }
}

async function killedAndGone({ worker, pids }: Awaited<ReturnType<typeof start>>): Promise<void> {
  worker.kill('SIGKILL')
  if (worker.signalCode === null) await once(worker, 'exit')
  for (const pid of pids) {
    for (;;) {
      const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
      if (status === '' || status.includes(') Z ')) break
      await new Promise((again) => setTimeout(again, 5))
    }
  }
}

async function fakeJava(script: string): Promise<void> {
  await mkdir(join(root, 'spark', 'jars'), { recursive: true })
  await mkdir(join(root, 'jvm', 'bin'), { recursive: true })
  await writeFile(join(root, 'jvm', 'bin', 'java'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}

describe('W11: kill -9 of the worker', () => {
  test('ends Node executors', async () => {
    // What the executor's own main does: it waits for the end of its stdin, and for nothing else.
    const body = `process.stdin.resume().on('end', () => process.exit(9))`
    await writeFile(join(root, 'main.mjs'), body)
    await killedAndGone(await start('node', 1))
  })

  test('ends Node executors that are too busy to see their stdin end, and deaf to TERM', async () => {
    await writeFile(join(root, 'main.mjs'), `process.on('SIGTERM', () => {}); for (;;);`)
    await killedAndGone(await start('node', 1))
  })

  test('ends JVM executors that are still starting', async () => {
    await fakeJava('exec sleep 600')
    await killedAndGone(await start('spark-4.3', 1))
  })

  test('in the midst of launching leaves nobody behind, at whatever step they are', async () => {
    await fakeJava('exec sleep 600')
    for (const awaited of [1, 2, 4, 8, 16]) {
      await killedAndGone(await start('spark-4.3', 40, awaited))
      while (descendants().length > 0) await new Promise((again) => setTimeout(again, 20))
    }
  })

  test('ends many JVM executors, half of them deaf to TERM', async () => {
    // The last argument is the executor's id.
    await fakeJava(`for id; do :; done; [ $((id % 2)) = 0 ] && trap '' TERM; sleep 600`)
    await killedAndGone(await start('spark-4.3', 24))
  })
})
