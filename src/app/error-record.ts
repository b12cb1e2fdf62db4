/** Errors as data and back, with what structured cloning leaves out: subclass names, causes, own properties. */
import { inspect } from 'node:util'
import { serialize } from 'node:v8'

import { ClusterPoolError, remoteErrorClasses } from './errors.js'
import { MAX_AGGREGATED_ERRORS, MAX_CAUSE_DEPTH } from './limits.js'

/** What was thrown need not be an Error. */
export type ThrownRecord = { thrown: 'value'; value: unknown } | ErrorRecord

export interface ErrorRecord {
  thrown: 'error'
  name: string
  message: string
  stack: string | null
  cause: ThrownRecord | null
  errors: ThrownRecord[]
  properties: Record<string, unknown>
}

/** The longest text of a message or a stack that travels. */
const MAX_TEXT = 256 * 1024

const handled = new Set(['name', 'message', 'stack', 'cause', 'errors'])

const builtIn: Readonly<Record<string, new (message: string) => Error>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
}

/** The value itself when it can be cloned, else what `inspect` says about it. */
function clonable(value: unknown): unknown {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) {
    return typeof value === 'symbol' ? String(value) : value
  }
  try {
    serialize(value)
    return value
  } catch {
    return inspect(value, { depth: 2 })
  }
}

function textOf(value: unknown, fallback: string): string {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT) : fallback
}

function ownProperties(error: Error): Record<string, unknown> {
  const properties: Record<string, unknown> = {}
  for (const key of Object.keys(error)) {
    if (!handled.has(key))
      properties[key] = clonable((error as unknown as Record<string, unknown>)[key])
  }
  return properties
}

/** Never throws, whatever a task threw. */
export function recordThrown(thrown: unknown, depth = 0): ThrownRecord {
  try {
    if (!(thrown instanceof Error)) return { thrown: 'value', value: clonable(thrown) }
    const deeper = depth + 1
    const follow = deeper <= MAX_CAUSE_DEPTH
    const errors = thrown instanceof AggregateError ? thrown.errors : []
    return {
      thrown: 'error',
      name: textOf(thrown.name, 'Error'),
      message: textOf(thrown.message, ''),
      stack: typeof thrown.stack === 'string' ? textOf(thrown.stack, '') : null,
      cause: follow && thrown.cause !== undefined ? recordThrown(thrown.cause, deeper) : null,
      errors: follow
        ? errors.slice(0, MAX_AGGREGATED_ERRORS).map((each: unknown) => recordThrown(each, deeper))
        : [],
      properties: ownProperties(thrown),
    }
  } catch (error) {
    // A getter or a proxy of the thrown value threw in its turn.
    return { thrown: 'value', value: `a value that can't be looked at: ${String(error)}` }
  }
}

function bareError(record: ErrorRecord): Error {
  if (record.name === 'AggregateError') {
    return new AggregateError(record.errors.map(reviveThrown), record.message)
  }
  const code = record.properties['code']
  const own = typeof code === 'string' ? remoteErrorClasses[code] : undefined
  if (own !== undefined) return new own(record.message)
  return new (builtIn[record.name] ?? Error)(record.message)
}

function hide(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, {
    value,
    configurable: true,
    writable: true,
    enumerable: false,
  })
}

/** What the task threw, as near as another process can have it. */
export function reviveThrown(record: ThrownRecord): unknown {
  if (record.thrown === 'value') return record.value
  const error = bareError(record)
  if (error.name !== record.name) hide(error, 'name', record.name)
  if (record.stack !== null) hide(error, 'stack', record.stack)
  if (record.cause !== null) hide(error, 'cause', reviveThrown(record.cause))
  for (const [key, value] of Object.entries(record.properties)) {
    if (error instanceof ClusterPoolError && key === 'code') continue
    Object.defineProperty(error, key, {
      value,
      configurable: true,
      writable: true,
      enumerable: true,
    })
  }
  return error
}
