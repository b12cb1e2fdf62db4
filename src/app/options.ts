/** A pool's options, checked once, when it is made. */
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as v from 'valibot'

import { MASTER_VARIABLE } from '../control/runtimes.js'
import { OptionError } from './errors.js'
import {
  DEFAULT_EXECUTOR_MEMORY_MIB,
  DEFAULT_MAX_QUEUE,
  DEFAULT_MAX_RETRIES,
  MAX_QUEUE,
} from './limits.js'
import { TOKEN_VARIABLE } from './protocol.js'

export interface ClusterPoolOptions {
  /**
   * Where the masters are: `spark://host:port[,host2:port2]`. When absent, what the environment says as
   * MAGNETO_MASTER, as it does in a driver on the cluster.
   */
  master?: string | undefined
  /**
   * The module whose functions are run, as a path or a `file:` URL. Executors load it by its absolute path, so
   * it must be at the same place on every worker. Its default export is the function that `run` calls.
   */
  filename: string | URL
  /** What the master's page calls the application. */
  name?: string | undefined
  /** Cores over the whole cluster; what the master allows when absent. */
  maxCores?: number | undefined
  /** Cores of one executor: as many tasks run in it at once. All that a worker has free when absent. */
  executorCores?: number | undefined
  /** Memory of one executor: MiB, or text such as `512m` or `2g`. 1 GiB when absent. */
  executorMemory?: number | string | undefined
  /**
   * Custom resources of one executor, such as `{ gpu: 1 }`; workers must offer them. Tasks find the addresses in
   * their context, and share them with the other tasks of their executor.
   */
  executorResources?: Readonly<Record<string, number>> | undefined
  /** Variables that executors get on top of the worker's own. */
  env?: Readonly<Record<string, string>> | undefined
  /** Node's flags for executors, such as `--enable-source-maps`. */
  nodeOptions?: readonly string[] | undefined
  /**
   * Tasks that may wait here, a million when absent; one more makes `run` reject with QueueFullError. Each takes about 400 bytes
   * with its promise, and what its argument is larger than a few numbers. `map` and `needsDrain` keep fewer.
   */
  maxQueue?: number | undefined
  /** How often a task is tried again after the executor that ran it was lost. */
  maxRetries?: number | undefined
  /** The address at which executors reach this process; the one that faces the master when absent. */
  host?: string | undefined
  /** The port for executors; any free one when absent or 0. */
  port?: number | undefined
}

export interface PoolSettings {
  readonly masterUrl: string
  readonly masters: readonly { host: string; port: number }[]
  readonly modulePath: string
  readonly name: string
  readonly maxCores: number | null
  /** 0: all that is free (spec A13). */
  readonly executorCores: number
  readonly executorMemoryMib: number
  readonly executorResources: Readonly<Record<string, number>>
  readonly env: Readonly<Record<string, string>>
  readonly nodeOptions: readonly string[]
  readonly maxQueue: number
  readonly maxRetries: number
  readonly host: string | null
  readonly port: number
}

const UINT32_MAX = 2 ** 32 - 1
const MIB_PER_UNIT: Readonly<Record<string, number>> = {
  m: 1,
  mb: 1,
  g: 1024,
  gb: 1024,
  t: 1024 ** 2,
  tb: 1024 ** 2,
}

const wholeNumber = (least: number, most: number, what: string) =>
  v.pipe(
    v.number(`expected ${what}`),
    v.check(
      (value) => Number.isSafeInteger(value) && value >= least && value <= most,
      `expected ${what}`,
    ),
  )

const text = (what: string) => v.pipe(v.string(`expected ${what}`), v.nonEmpty(`expected ${what}`))

const memoryForms = 'MiB as a whole number from 1, or text such as "512m" or "2g"'

const schema = v.strictObject({
  master: v.optional(text('a master URL such as spark://host:7077')),
  filename: v.union(
    [text(''), v.instance(URL)],
    'expected the path or file: URL of the module to run',
  ),
  name: v.optional(text('a name that is not empty')),
  maxCores: v.optional(wholeNumber(1, UINT32_MAX, 'a whole number of cores from 1')),
  executorCores: v.optional(wholeNumber(1, UINT32_MAX, 'a whole number of cores from 1')),
  executorMemory: v.optional(v.union([v.number(), v.string()], `expected ${memoryForms}`)),
  executorResources: v.optional(
    v.record(
      text('the name of a resource'),
      wholeNumber(1, UINT32_MAX, 'a whole number of addresses from 1'),
      'expected an object of amounts',
    ),
  ),
  env: v.optional(v.record(v.string(), v.string('expected text'), 'expected an object of texts')),
  nodeOptions: v.optional(v.array(text("one of Node's flags"), "expected a list of Node's flags")),
  maxQueue: v.optional(wholeNumber(1, MAX_QUEUE, `a whole number of tasks from 1 to ${MAX_QUEUE}`)),
  maxRetries: v.optional(wholeNumber(0, 1000, 'a whole number from 0 to 1000')),
  host: v.optional(text('a host name or an address')),
  port: v.optional(wholeNumber(0, 65_535, 'a port from 0 to 65535')),
})

function reject(option: string, got: unknown, problem: string): never {
  const shown = typeof got === 'string' ? JSON.stringify(got) : String(got)
  throw new OptionError(`option ${option} is ${shown}: ${problem}`)
}

/** @throws OptionError when it is not `spark://host:port[,host2:port2]` */
function parseMasters(url: string): { host: string; port: number }[] {
  const form = 'expected spark://host:port[,host2:port2]'
  if (!url.startsWith('spark://')) return reject('master', url, form)
  return url
    .slice('spark://'.length)
    .split(',')
    .map((part) => {
      const match = /^(\[[0-9a-fA-F:.]+\]|[^\s:/@?#[\]]+):(\d{1,5})$/.exec(part)
      const port = Number(match?.[2])
      if (!match?.[1] || port < 1 || port > 65_535) return reject('master', url, form)
      return { host: match[1].replace(/^\[|\]$/g, ''), port }
    })
}

/** @returns MiB; the schemas hold 32 bits of them */
function parseMemory(value: number | string): number {
  const match = /^(\d+)(mb?|gb?|tb?)$/i.exec(String(value).trim())
  const unit = MIB_PER_UNIT[(match?.[2] ?? '').toLowerCase()] ?? Number.NaN
  const mib = typeof value === 'number' ? value : Number(match?.[1]) * unit
  if (!Number.isSafeInteger(mib) || mib < 1 || mib > UINT32_MAX)
    return reject('executorMemory', value, `expected ${memoryForms}`)
  return mib
}

function modulePathOf(filename: string | URL): string {
  const asText = String(filename)
  if (!(filename instanceof URL) && !asText.startsWith('file:')) return resolve(asText)
  try {
    return fileURLToPath(asText)
  } catch {
    return reject('filename', asText, 'expected a path or a file: URL of this machine')
  }
}

/**
 * @throws OptionError that names the option, what it holds and what was expected
 */
export function parseOptions(options: ClusterPoolOptions): PoolSettings {
  const parsed = v.safeParse(schema, options)
  if (!parsed.success) {
    const issue = parsed.issues[0]
    const path = v.getDotPath(issue)
    if (path === null) throw new OptionError('the options of a ClusterPool must be an object')
    if (issue.expected === 'never')
      throw new OptionError(
        `there is no option ${path}; there are ${Object.keys(schema.entries).join(', ')}`,
      )
    if (issue.received === 'undefined')
      throw new OptionError(`option ${path} is missing: ${issue.message}`)
    return reject(path, issue.input, issue.message)
  }
  const given = parsed.output
  const master = given.master ?? (process.env[MASTER_VARIABLE] || null)
  if (master === null)
    throw new OptionError(
      `option master is missing: expected a master URL such as spark://host:7077, here or in ${MASTER_VARIABLE}`,
    )
  const env = given.env ?? {}
  if (TOKEN_VARIABLE in env)
    reject(
      'env',
      `{ ${TOKEN_VARIABLE} }`,
      "the pool sets that variable itself: it is executors' secret",
    )
  return {
    masterUrl: master,
    masters: parseMasters(master),
    modulePath: modulePathOf(given.filename),
    name: given.name ?? 'Node application',
    maxCores: given.maxCores ?? null,
    executorCores: given.executorCores ?? 0,
    executorMemoryMib: parseMemory(given.executorMemory ?? DEFAULT_EXECUTOR_MEMORY_MIB),
    executorResources: given.executorResources ?? {},
    env,
    nodeOptions: given.nodeOptions ?? [],
    maxQueue: given.maxQueue ?? DEFAULT_MAX_QUEUE,
    maxRetries: given.maxRetries ?? DEFAULT_MAX_RETRIES,
    host: given.host ?? null,
    port: given.port ?? 0,
  }
}
