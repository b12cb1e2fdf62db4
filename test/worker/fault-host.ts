/**
 * A process with a guardian and a launcher in it, as a worker has them, that does what it is told over stdin: for tests that kill
 * it, or look for what it leaves. Its executors are shell scripts.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const dist = pathToFileURL(resolve(import.meta.dirname, '../../dist/src')).href

const program = `
  import { createInterface } from 'node:readline'
  import { Guardian } from '${dist}/worker/guardian.js'
  import { Launcher } from '${dist}/worker/launcher/pool.js'
  import { LauncherThreads } from '${dist}/worker/launcher/threads.js'
  import { WorkFolders } from '${dist}/worker/launcher/work-folders.js'
  import { encodeApplication } from '${dist}/control/codec.js'
  import * as schema from '${dist}/schema/magneto.js'
  const [root] = process.argv.slice(2)
  const say = (line) => console.log(JSON.stringify(line))
  const log = { info() {}, warn() {}, error() {} }
  const guardian = await Guardian.start({ log, killTimeoutMs: 1000 })
  const threads = new LauncherThreads({ log, guardian })
  const launcher = new Launcher({
    settings: {
      workDir: root + '/work', workerUrl: '', host: 'h',
      sparkHomes: [{ path: root + '/spark', version: '4.3.0', runtime: 'spark-4.3' }],
      ownConfDir: '', redactionPattern: /x/, execPath: process.execPath,
      executorMain: root + '/main.mjs', webUiUrl: '', killTimeoutMs: 200, rolling: null, classDataDir: null,
    },
    log,
    threads,
    folders: new WorkFolders(threads, root + '/work'),
    localDirRoots: [root + '/scratch'],
    onStarted: (order, { pid }) => say({ kind: 'started', id: order.executorId, pid }),
    onEnded: (order, result) => say({ kind: 'ended', id: order.executorId, result }),
  })
  const launch = ({ id, script, javaHome }) => {
    const description = new schema.ApplicationDescriptionT('a', 'u', '')
    description.defaultProfile = new schema.ResourceProfileT()
    description.runtime = 'spark-4.3'
    description.commandType = schema.Command.JvmCommand
    description.command = new schema.JvmCommandT('Main', [script])
    description.command.environment = [new schema.PropertyT('JAVA_HOME', javaHome ?? root + '/jvm')]
    const order = new schema.LaunchExecutorT('spark://m:1', 'app', id, 0, 1, 64, [])
    order.application = encodeApplication(description)
    launcher.launch(order, Date.now())
  }
  for await (const line of createInterface(process.stdin)) {
    const order = JSON.parse(line)
    if (order.kind === 'launch') launch(order)
    if (order.kind === 'kill') launcher.kill('app', order.id)
    if (order.kind === 'guardian') say({ kind: 'guardian', id: 0, pid: guardian.pid })
    if (order.kind === 'close') {
      await launcher.close()
      await threads.close()
      await guardian.close()
      say({ kind: 'closed', id: 0 })
      // Nothing else keeps it alive.
      process.stdin.destroy()
    }
  }
`

const LEFT_MAX_MS = 30_000

export interface End {
  kind: 'exited' | 'failed'
  exitStatus?: number
  message: string
}

interface Said {
  kind: 'started' | 'ended' | 'guardian' | 'closed'
  id: number
  pid?: number
  result?: End
}

export class FaultHost {
  readonly root: string
  readonly process: ChildProcess
  readonly #said: Said[] = []
  readonly #waiting = new Set<() => void>()

  private constructor(root: string) {
    this.root = root
    this.process = spawn(process.execPath, [join(root, 'host.mjs'), root], {
      // What a signal makes of it falls into its own folder.
      cwd: root,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, MAGNETO_FAULTS: root },
    })
    createInterface(this.process.stdout!).on('line', (line) => {
      this.#said.push(JSON.parse(line) as Said)
      for (const look of this.#waiting) look()
    })
    // A host that was killed reads no more.
    this.process.stdin!.on('error', () => {})
  }

  static async start(): Promise<FaultHost> {
    const root = await mkdtemp(join(tmpdir(), 'magneto-faults-'))
    await mkdir(join(root, 'spark', 'jars'), { recursive: true })
    await mkdir(join(root, 'jvm', 'bin'), { recursive: true })
    const java = join(root, 'jvm', 'bin', 'java')
    await writeFile(java, `#!/bin/sh\nfor script; do :; done\neval "$script"\n`, { mode: 0o755 })
    await writeFile(join(root, 'host.mjs'), program)
    return new FaultHost(root)
  }

  get pid(): number {
    return this.process.pid ?? 0
  }

  launch(id: number, script: string, javaHome?: string): void {
    this.#tell({ kind: 'launch', id, script, javaHome })
  }

  kill(id: number): void {
    this.#tell({ kind: 'kill', id })
  }

  /** @returns the process id of an executor that runs, or has @throws Error when it has never run */
  async started(id: number): Promise<number> {
    const { kind, pid, result } = await this.#next(['started', 'ended'], id)
    if (kind === 'ended') throw new Error(`executor ${id} has not started: ${result?.message}`)
    return pid ?? 0
  }

  async ended(id: number): Promise<End> {
    return (await this.#next(['ended'], id)).result!
  }

  async guardianPid(): Promise<number> {
    this.#tell({ kind: 'guardian' })
    const { pid = 0 } = await this.#next(['guardian'], 0)
    this.#said.splice(
      this.#said.findIndex(({ kind }) => kind === 'guardian'),
      1,
    )
    return pid
  }

  /** An orderly end. */
  async close(): Promise<void> {
    this.#tell({ kind: 'close' })
    await this.#next(['closed'], 0)
    await this.#gone()
  }

  async die(signal: NodeJS.Signals): Promise<void> {
    this.process.kill(signal)
    await this.#gone()
  }

  /** Whatever was started by it, by process id; with `all` also itself and its guardian. */
  left(all = false): number[] {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => {
        const environment = pid > 1 ? read(`/proc/${pid}/environ`) : ''
        if (!environment.includes(`MAGNETO_FAULTS=${this.root}\0`)) return false
        return all || environment.includes('MAGNETO_LAUNCH=')
      })
  }

  /** Settles when nothing is there any more. @throws Error with what is there after half a minute */
  async nothingLeft(): Promise<void> {
    const untilMs = performance.now() + LEFT_MAX_MS
    await until(() => {
      const left = this.left(true)
      if (left.length > 0 && performance.now() > untilMs)
        throw new Error(`still there: ${left.map(shown).join('; ')}`)
      return left.length === 0
    })
  }

  /** Its children that it has not reaped, or that live. */
  children(): number[] {
    return readdirSync(`/proc/${this.pid}/task`).flatMap((task) =>
      read(`/proc/${this.pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
    )
  }

  descriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length
  }

  /** What an executor has written to a file of that name in its folder, as soon as there is something. */
  async written(id: number, name: string): Promise<string> {
    let text = ''
    await until(async () => {
      text = await readFile(join(this.root, 'work', 'app', String(id), name), 'utf8').catch(
        () => '',
      )
      return text.endsWith('\n')
    })
    return text
  }

  /** For when the test is over, however it went. */
  async remove(): Promise<void> {
    this.process.kill('SIGKILL')
    // Until then it starts others, and makes folders for them.
    await this.#gone()
    for (const pid of this.left(true)) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // Gone.
      }
    }
    await rm(this.root, { recursive: true, force: true, maxRetries: 3 })
  }

  #tell(order: object): void {
    this.process.stdin!.write(`${JSON.stringify(order)}\n`)
  }

  /** The first that it says of one of these kinds. */
  async #next(kinds: readonly Said['kind'][], id: number): Promise<Said> {
    for (;;) {
      const found = this.#said.find((said) => kinds.includes(said.kind) && said.id === id)
      if (found !== undefined) return found
      await new Promise<void>((again) => {
        const look = (): void => {
          this.#waiting.delete(look)
          again()
        }
        this.#waiting.add(look)
      })
    }
  }

  async #gone(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      await once(this.process, 'exit')
    }
  }
}

function shown(pid: number): string {
  const line = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')
  const [state] = /^State:.*$/m.exec(read(`/proc/${pid}/status`)) ?? []
  return `${pid} ${line}(${state})`
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Looks again and again; the test's own timeout is the limit. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((again) => setTimeout(again, 10))
}
