/**
 * The daemons' log: one record a line on stderr. Text by default, in the form Spark's users know; JSON with
 * Spark's field names when `spark.log.structuredLogging.enabled` or MAGNETO_LOG_FORMAT=json asks for it.
 * Written before anything else happens in its thread, so that the last words of a dying process are in the file.
 */
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino'

import { humanLine } from './human.js'
import { LineWriter } from './line-writer.js'

export type Logger = PinoLogger

export const LOG_FORMATS = ['text', 'json'] as const

export type LogFormat = (typeof LOG_FORMATS)[number]

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

const DEFAULT_LEVEL: LogLevel = 'info'

const STDERR = 2

let stderr: LineWriter | null = null

/** Opened on first use: a program that logs nothing opens nothing. */
function stderrWriter(): LineWriter {
  stderr ??= new LineWriter(STDERR)
  return stderr
}

/** What others than the loggers say on stderr, in line with them. `process.stderr` would make a pipe there non-blocking. */
export function writeStderr(text: string): void {
  stderrWriter().add(text)
}

/** MAGNETO_LOG_FORMAT of this process: threads inherit it, so one setting reaches them all. */
export function logFormat(env: NodeJS.ProcessEnv = process.env): LogFormat {
  return env['MAGNETO_LOG_FORMAT']?.trim().toLowerCase() === 'json' ? 'json' : 'text'
}

/** MAGNETO_LOG_LEVEL; anything unknown counts as info here, the command line refuses it. */
export function logLevel(env: NodeJS.ProcessEnv = process.env): LogLevel {
  const wanted = env['MAGNETO_LOG_LEVEL']?.trim().toLowerCase()
  return LOG_LEVELS.find((level) => level === wanted) ?? DEFAULT_LEVEL
}

export interface LoggerOptions {
  format?: LogFormat
  level?: LogLevel
  /** Where lines go; stderr when absent. */
  destination?: DestinationStream
}

/** What pino tells a stream that asks for it, before each line. */
const NEEDS_METADATA = Symbol.for('pino.metadata')

class Sink implements DestinationStream {
  readonly [NEEDS_METADATA] = true
  readonly #format: LogFormat
  readonly #destination: DestinationStream | null
  lastLevel = 0

  constructor(format: LogFormat, destination: DestinationStream | null) {
    this.#format = format
    this.#destination = destination
  }

  write(line: string): void {
    const formed = this.#format === 'json' ? line : humanLine(line)
    if (this.#destination !== null) {
      this.#destination.write(formed)
      return
    }
    const writer = stderrWriter()
    writer.add(formed)
    if (this.lastLevel >= pino.levels.values['error']!) writer.flush()
  }
}

let timeMs = 0
let timeField = ''

/** One text for all lines of a millisecond. */
function timestamp(): string {
  const nowMs = Date.now()
  if (nowMs !== timeMs) {
    timeMs = nowMs
    timeField = `,"ts":"${new Date(nowMs).toISOString()}"`
  }
  return timeField
}

/** @param name who speaks, as it stands in each line: `Master`, `Worker`, `Gateway` */
export function createLogger(name: string, options: LoggerOptions = {}): Logger {
  return pino(
    {
      level: options.level ?? logLevel(),
      base: { logger: name },
      timestamp,
      formatters: { level: (label) => ({ level: label.toUpperCase() }) },
      serializers: { error: pino.stdSerializers.err },
    },
    new Sink(options.format ?? logFormat(), options.destination ?? null),
  )
}
