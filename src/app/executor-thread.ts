/** Runs in a thread of the executor's pool: opens a payload, calls the module's function, closes the result. */
import { pathToFileURL } from 'node:url'
import { BroadcastChannel, workerData } from 'node:worker_threads'

import { recordThrown } from './error-record.js'
import { DataCloneError, ModuleLoadError, NoFunctionError } from './errors.js'
import { ResultStatus } from './protocol.js'
import { cloneFromBytes, cloneToBytes } from './structured-clone.js'

/** What a task's function gets as its second argument. */
export interface TaskContext {
  /** Aborted when the driver no longer wants the result; the thread is ended soon after. */
  readonly signal: AbortSignal
  readonly executorId: string
  readonly hostname: string
  /** Addresses of the custom resources that this executor has to itself, by name: `{ gpu: ['0', '3'] }`. */
  readonly resources: Readonly<Record<string, readonly string[]>>
}

/** What every thread of an executor knows. */
export interface ThreadData {
  resources: TaskContext['resources']
}

export interface ThreadTask {
  id: number
  name: string
  payload: Uint8Array
  modulePath: string
  executorId: string
  hostname: string
}

export interface ThreadResult {
  status: ResultStatus.DONE | ResultStatus.THREW
  payload: Uint8Array
  runMs: number
}

/** The channel on which the executor names the tasks to abort. */
export const abortChannelName = (pid: number) => `magneto-abort-${pid}`

/** The executor's main thread takes a name from this module, too, and has no data. */
const resources = (workerData as ThreadData | null)?.resources ?? {}

type TaskFunction = (task: unknown, context: TaskContext) => unknown

/** Makes its signal when the function looks at it: most never do. */
class RunningTask implements TaskContext {
  readonly id: number
  readonly executorId: string
  readonly hostname: string
  readonly resources = resources
  #aborted = false
  #controller: AbortController | null = null

  constructor({ id, executorId, hostname }: ThreadTask) {
    this.id = id
    this.executorId = executorId
    this.hostname = hostname
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController()
      if (this.#aborted) this.abort()
    }
    return this.#controller.signal
  }

  abort(): void {
    this.#aborted = true
    this.#controller?.abort(new Error('the driver aborted the task'))
  }
}

let current: RunningTask | null = null

const aborts = new BroadcastChannel(abortChannelName(process.pid))
aborts.addEventListener('message', (event: unknown) => {
  if (current !== null && (event as { data: unknown }).data === current.id) current.abort()
})
aborts.unref()

let loaded: Promise<Record<string, unknown>> | null = null

async function functionOf(task: ThreadTask): Promise<TaskFunction> {
  let exported: Record<string, unknown>
  try {
    loaded ??= import(pathToFileURL(task.modulePath).href) as Promise<Record<string, unknown>>
    exported = await loaded
  } catch (error) {
    loaded = null
    throw new ModuleLoadError(
      `executor ${task.executorId} on ${task.hostname} can't load ${task.modulePath}: ` +
        `${error instanceof Error ? error.message : String(error)}. The file and what it imports ` +
        'must be at the same place on every worker.',
      { cause: error },
    )
  }
  const bundle = exported['default'] as Record<string, unknown> | null | undefined
  // CommonJS modules arrive as the default export, their functions inside it.
  for (const candidate of [exported[task.name], bundle?.[task.name]]) {
    if (typeof candidate === 'function') return candidate as TaskFunction
  }
  throw new NoFunctionError(
    `${task.modulePath} exports no function ${task.name}; it exports ${Object.keys(exported).join(', ') || 'nothing'}`,
  )
}

function threw(error: unknown, runMs: number): ThreadResult {
  const record = recordThrown(error)
  const status = ResultStatus.THREW
  try {
    return { status, runMs, payload: cloneToBytes(record, 'the error of the task') }
  } catch {
    const small = recordThrown(
      new DataCloneError("the task threw an error that can't be sent: it is too large"),
    )
    return { status, runMs, payload: cloneToBytes(small, 'the error of the task') }
  }
}

/** Called by piscina. Never throws: whatever happens becomes the task's result. */
export default async function runTask(task: ThreadTask): Promise<ThreadResult> {
  const running = new RunningTask(task)
  current = running
  let startedMs = performance.now()
  try {
    const run = await functionOf(task)
    startedMs = performance.now()
    const value = await run(cloneFromBytes(task.payload), running)
    const payload = cloneToBytes(value, `the result of ${task.name}`)
    return { status: ResultStatus.DONE, payload, runMs: performance.now() - startedMs }
  } catch (error) {
    return threw(error, performance.now() - startedMs)
  } finally {
    current = null
  }
}
