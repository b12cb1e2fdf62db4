/** A master and its worker in one object: registers the pool and runs real executor processes for it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { ClusterPool } from '../../src/app/cluster-pool.js'
import type { ClusterPoolOptions } from '../../src/app/options.js'
import type { ControlBody, LinkOptions } from '../../src/app/registration.js'
import { decodeApplication } from '../../src/control/codec.js'
import {
  type ApplicationDescriptionT,
  ApplicationRegisteredT,
  ApplicationRemovedT,
  ExecutorAddedT,
  ExecutorState,
  ExecutorUpdatedT,
  MasterChangeAcknowledgedT,
  type NodeCommandT,
  RegisterApplicationT,
} from '../../src/schema/magneto.js'

const executorMain = resolve(import.meta.dirname, '../../dist/src/app/executor-main.js')
export const tasksFile = join(import.meta.dirname, 'fixtures/tasks.mjs')
export const temporaryFile = (name: string) => join(mkdtempSync(join(tmpdir(), 'pool-')), name)

export class FakeCluster {
  readonly sent: ControlBody[] = []
  readonly children = new Map<number, ChildProcess>()
  readonly stderr: string[] = []
  application: ApplicationDescriptionT | null = null
  closed = false
  /** Whether a master that comes back still has the application. */
  remembers = false
  #link: Partial<LinkOptions> | null = null
  #nextId = 0
  #registrations = 0

  /** @param executors started at once and replaced when they end */
  constructor(
    readonly executors = 1,
    readonly cores = 1,
  ) {}

  pool<T = unknown, R = unknown>(options: Partial<ClusterPoolOptions> = {}): ClusterPool<T, R> {
    return new ClusterPool<T, R>(
      { master: 'spark://127.0.0.1:7077', filename: tasksFile, ...options },
      (link) => {
        this.#link = link
        setImmediate(() => link.onOpen(null))
        return { send: (body) => this.receive(body), close: () => void (this.closed = true) }
      },
    )
  }

  /** Instead of `pool`: for a pool in another process. */
  answerBy(onMessage: (body: ControlBody) => void): void {
    this.#link = { onMessage }
  }

  tell(body: ControlBody): void {
    this.#link?.onMessage?.(body)
  }

  /** The link drops and comes back, as after a restart of the master. */
  reconnect(): void {
    this.disconnect()
    this.connect()
  }

  disconnect(): void {
    this.#link?.onClose?.('the fake master went away')
  }

  connect(): void {
    this.#link?.onOpen?.(null)
  }

  /** @param more arguments that a worker appends */
  launch(more: string[] = []): void {
    const id = this.#nextId++
    const command = this.application!.command as NodeCommandT
    const known: Record<string, string> = {
      '{{EXECUTOR_ID}}': String(id),
      '{{HOSTNAME}}': '127.0.0.1',
      '{{CORES}}': String(this.cores),
      '{{APP_ID}}': `app-${this.#registrations}`,
      '{{WORKER_URL}}': 'spark://Worker@127.0.0.1:1',
    }
    const args = command.args.map((each) => known[each] ?? each)
    const extra = Object.fromEntries(command.environment.map(({ key, value }) => [key, value]))
    const child = spawn(
      process.execPath,
      [
        ...command.nodeOptions,
        executorMain,
        '--module',
        String(command.modulePath),
        ...args,
        ...more,
      ],
      { env: { ...process.env, ...extra } as NodeJS.ProcessEnv, stdio: ['pipe', 'ignore', 'pipe'] },
    )
    child.stdin.on('error', () => {})
    child.stderr.on('data', (text) => this.stderr.push(String(text)))
    this.children.set(id, child)
    this.tell(new ExecutorAddedT(id, 'worker-1', '127.0.0.1', 1, this.cores, 1024))
    child.on('exit', (code, signal) => {
      this.children.delete(id)
      if (this.closed) return
      const status = code ?? (signal === 'SIGKILL' ? 137 : 143)
      this.tell(
        new ExecutorUpdatedT(
          id,
          ExecutorState.EXITED,
          `Command exited with code ${status}`,
          status,
        ),
      )
      if (this.children.size < this.executors) this.launch()
    })
  }

  async gone(): Promise<void> {
    await Promise.all([...this.children.values()].map((child) => once(child, 'exit')))
  }

  /** What the pool sent to its master. */
  receive(body: ControlBody): void {
    this.sent.push(body)
    if (body instanceof MasterChangeAcknowledgedT) {
      const { appId } = body
      return this.tell(
        this.remembers && appId === `app-${this.#registrations}`
          ? new ApplicationRegisteredT(appId, 'spark://127.0.0.1:7077', 2)
          : new ApplicationRemovedT('unknown application'),
      )
    }
    if (!(body instanceof RegisterApplicationT)) return
    this.application = decodeApplication(body.application)
    this.#registrations++
    this.tell(new ApplicationRegisteredT(`app-${this.#registrations}`, 'spark://127.0.0.1:7077'))
    for (let count = 0; count < this.executors; count++) this.launch()
  }
}
