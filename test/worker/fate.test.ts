/** W11: executors die with their worker, also when it has no time to say so. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const dist = pathToFileURL(resolve(import.meta.dirname, '../../dist/src')).href
let root = ''

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-fate-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

/** A process with a launcher in it, which starts one Node executor and prints its process id. */
const host = `
  import { Launcher } from '${dist}/worker/launcher/pool.js'
  import { Guardian } from '${dist}/worker/guardian.js'
  import { encodeApplication } from '${dist}/control/codec.js'
  import * as schema from '${dist}/schema/magneto.js'
  const [root] = process.argv.slice(2)
  const description = new schema.ApplicationDescriptionT('a', 'u', '')
  description.defaultProfile = new schema.ResourceProfileT()
  description.commandType = schema.Command.NodeCommand
  description.command = new schema.NodeCommandT('/m.js')
  description.runtime = 'node'
  const order = new schema.LaunchExecutorT('spark://m:1', 'app', 0, 0, 1, 64, [])
  order.application = encodeApplication(description)
  const log = { info() {}, warn() {}, error() {} }
  new Launcher({
    settings: {
      workDir: root + '/work', workerUrl: '', host: 'h', sparkHomes: [], ownConfDir: '',
      redactionPattern: /x/, execPath: process.execPath, executorMain: root + '/main.mjs',
      killTimeoutMs: 100,
    },
    log,
    guardian: await Guardian.start({ log, killTimeoutMs: 1000 }),
    localDirRoots: [root + '/scratch'],
    onStarted: (_order, note) => console.log(note.pid),
    onEnded: (_order, result) => console.log(JSON.stringify(result)),
  }).launch(order)
`

test('kill -9 of the worker ends the stdin of its Node executors', async () => {
  await writeFile(join(root, 'host.mjs'), host)
  // What the executor's own main does: it waits for the end of its stdin, and for nothing else.
  await writeFile(join(root, 'main.mjs'), `process.stdin.resume().on('end', () => process.exit(9))`)
  const worker = spawn(process.execPath, [join(root, 'host.mjs'), root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface(worker.stdout), 'line')) as [string]
  const pid = Number(line)
  expect(pid).toBeGreaterThan(0)
  worker.kill('SIGKILL')
  await once(worker, 'exit')
  for (;;) {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    if (status === '' || status.includes(') Z ')) break
    await new Promise((again) => setTimeout(again, 5))
  }
})
