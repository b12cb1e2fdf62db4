/** Runs in a thread of the executor's pool: for each task of a group it opens the payload, calls the module's function and closes the result. */
import { pathToFileURL } from 'node:url'
import { BroadcastChannel, workerData } from 'node:worker_threads'

import { recordThrown } from './error-record.js'
import { DataCloneError, ModuleLoadError, NoFunctionError } from './errors.js'
import { GroupSlot, type TaskResult } from './group-slot.js'
import { fromPayload, type Payload, toPayload } from './payload.js'
import { ResultStatus } from './protocol.js'

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
  readonly modulePath: string
  readonly executorId: string
  readonly hostname: string
  readonly resources: TaskContext['resources']
}

/** Tasks that a thread runs one after the other, in columns. */
export interface ThreadGroup {
  readonly ids: readonly number[]
  readonly names: readonly string[]
  readonly payloads: readonly Payload[]
  /** Of the group's slot. */
  readonly memory: SharedArrayBuffer
}

/** The channel on which the executor names the tasks to abort. */
export const abortChannelName = (pid: number) => `magneto-abort-${pid}`

/** The executor's main thread takes a name from this module, too, and has no data. */
const nowhere: ThreadData = { modulePath: '', executorId: '', hostname: '', resources: {} }
const { modulePath, executorId, hostname, resources } = (workerData as ThreadData | null) ?? nowhere

type TaskFunction = (task: unknown, context: TaskContext) => unknown

/** Makes its signal when the function looks at it: most never do. */
class RunningTask implements TaskContext {
  readonly id: number
  readonly executorId = executorId
  readonly hostname = hostname
  readonly resources = resources
  #aborted = false
  #controller: AbortController | null = null

  constructor(id: number) {
    this.id = id
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
const functions = new Map<string, TaskFunction>()

async function functionOf(name: string): Promise<TaskFunction> {
  let exported: Record<string, unknown>
  try {
    loaded ??= import(pathToFileURL(modulePath).href) as Promise<Record<string, unknown>>
    exported = await loaded
  } catch (error) {
    loaded = null
    throw new ModuleLoadError(
      `executor ${executorId} on ${hostname} can't load ${modulePath}: ` +
        `${error instanceof Error ? error.message : String(error)}. The file and what it imports ` +
        'must be at the same place on every worker.',
      { cause: error },
    )
  }
  const bundle = exported['default'] as Record<string, unknown> | null | undefined
  // CommonJS modules arrive as the default export, their functions inside it.
  for (const candidate of [exported[name], bundle?.[name]]) {
    if (typeof candidate !== 'function') continue
    functions.set(name, candidate as TaskFunction)
    return candidate as TaskFunction
  }
  throw new NoFunctionError(
    `${modulePath} exports no function ${name}; it exports ${Object.keys(exported).join(', ') || 'nothing'}`,
  )
}

function threw(error: unknown, runMs: number): TaskResult {
  const record = recordThrown(error)
  const status = ResultStatus.THREW
  try {
    return { status, runMs, payload: toPayload(record, 'the error of the task') }
  } catch {
    const small = recordThrown(
      new DataCloneError("the task threw an error that can't be sent: it is too large"),
    )
    return { status, runMs, payload: toPayload(small, 'the error of the task') }
  }
}

/** Never throws: whatever happens becomes the task's result. */
async function runTask(id: number, name: string, task: Payload): Promise<TaskResult> {
  const running = new RunningTask(id)
  current = running
  let startedMs = performance.now()
  try {
    const found = functions.get(name)
    const run = found ?? (await functionOf(name))
    if (found === undefined) startedMs = performance.now()
    const value = await run(fromPayload(task), running)
    const payload = toPayload(value, `the result of ${name}`)
    return { status: ResultStatus.DONE, payload, runMs: performance.now() - startedMs }
  } catch (error) {
    return threw(error, performance.now() - startedMs)
  } finally {
    current = null
  }
}

/**
 * Called by piscina. Results go into the group's slot.
 *
 * @returns the first result that has no room there, after which no further task is started; else null
 */
export default async function runGroup(group: ThreadGroup): Promise<TaskResult | null> {
  const { ids, names, payloads } = group
  const slot = new GroupSlot(group.memory)
  for (let at = slot.claim(); at < ids.length; at = slot.claim()) {
    const result = await runTask(ids[at]!, names[at]!, payloads[at]!)
    if (!slot.put(at, result)) return result
  }
  return null
}
