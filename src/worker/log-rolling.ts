/** When logs of executors are rolled and how old ones are called (W12, P45). Decides only; launcher/rolling-log.ts acts. */
import type { Configuration } from '../conf/configuration.js'
import { keys } from '../conf/keys.js'
import type { Logger } from '../log/logger.js'

const MIN_INTERVAL_MS = 60_000
/** Ten of Spark's buffers. */
const MIN_SIZE_BYTES = 81_920

/** Local date and time in a name, from the year on: 3 of them is the day, 6 the second. */
type DateFields = 3 | 4 | 5 | 6

export type RollingPolicy =
  | { by: 'time'; intervalMs: number; fields: DateFields }
  | { by: 'size'; maxBytes: number }

export interface LogRolling {
  policy: RollingPolicy
  /** Old logs of each kind that are kept; zero or less: all. */
  maxRetainedFiles: number
  /** Old logs become `.gz`. */
  compress: boolean
}

const NAMED_INTERVALS = new Map<string, { intervalMs: number; fields: DateFields }>([
  ['daily', { intervalMs: 86_400_000, fields: 3 }],
  ['hourly', { intervalMs: 3_600_000, fields: 4 }],
  ['minutely', { intervalMs: 60_000, fields: 5 }],
])

/** @returns null when logs are not rolled */
export function logRolling(configuration: Configuration, log: Logger): LogRolling | null {
  const strategy = configuration.read(keys.logRollingStrategy)
  if (strategy === null) return null
  const policy =
    strategy === 'time'
      ? timePolicy(configuration.read(keys.logRollingTimeInterval), log)
      : sizePolicy(configuration.read(keys.logRollingMaxBytes), log)
  if (policy === null) return null
  return {
    policy,
    maxRetainedFiles: configuration.read(keys.logRollingMaxRetainedFiles),
    compress: configuration.read(keys.logRollingEnableCompression),
  }
}

function timePolicy(interval: string, log: Logger): RollingPolicy | null {
  const named = NAMED_INTERVALS.get(interval)
  if (named !== undefined) return { by: 'time', ...named }
  const name = keys.logRollingTimeInterval.name
  const seconds = /^[+-]?\d{1,10}$/.test(interval) ? Number(interval) : null
  if (seconds === null || seconds > 0x7fff_ffff) {
    const allowed = [...NAMED_INTERVALS.keys()].join(', ')
    log.warn(`${name}=${interval} is none of ${allowed} or seconds: logs are not rolled`)
    return null
  }
  const intervalMs = Math.max(seconds * 1000, MIN_INTERVAL_MS)
  if (intervalMs !== seconds * 1000) {
    log.warn(`${name}=${interval} is too short: logs are rolled every ${MIN_INTERVAL_MS} ms`)
  }
  return { by: 'time', intervalMs, fields: 6 }
}

function sizePolicy(maxBytes: number, log: Logger): RollingPolicy {
  if (maxBytes >= MIN_SIZE_BYTES) return { by: 'size', maxBytes }
  const { name } = keys.logRollingMaxBytes
  log.warn(`${name}=${maxBytes} is too small: logs are rolled at ${MIN_SIZE_BYTES} bytes`)
  return { by: 'size', maxBytes: MIN_SIZE_BYTES }
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

/** @returns what an old log's name ends with, in local time, such as `--2026-11-21--09-30` */
export function rolledSuffix(policy: RollingPolicy, now: Date): string {
  const date = [
    String(now.getFullYear()).padStart(4, '0'),
    two(now.getMonth() + 1),
    two(now.getDate()),
  ]
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two)
  const kept = policy.by === 'time' ? policy.fields - date.length : time.length
  const parts = [date.join('-'), time.slice(0, kept).join('-')]
  if (policy.by === 'size') parts.push(String(now.getMilliseconds()).padStart(4, '0'))
  return parts
    .filter((part) => part !== '')
    .map((part) => `--${part}`)
    .join('')
}

/** Whether a log is full. Times are ms since the epoch. */
export class RollingState {
  readonly #policy: RollingPolicy
  #bytes = 0
  #nextMs = 0

  constructor(policy: RollingPolicy, nowMs: number) {
    this.#policy = policy
    this.rolled(nowMs)
  }

  isDue(nowMs: number, bytes: number): boolean {
    if (this.#policy.by === 'time') return nowMs > this.#nextMs
    return this.#bytes + bytes > this.#policy.maxBytes
  }

  wrote(bytes: number): void {
    this.#bytes += bytes
  }

  rolled(nowMs: number): void {
    this.#bytes = 0
    if (this.#policy.by === 'time') {
      const { intervalMs } = this.#policy
      this.#nextMs = Math.ceil(nowMs / intervalMs) * intervalMs
    }
  }
}
