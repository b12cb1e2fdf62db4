/**
 * The daemons' log: one record a line on stderr. Text by default, in the form Spark's users know; JSON with
 * Spark's field names when `spark.log.structuredLogging.enabled` or MAGNETO_LOG_FORMAT=json asks for it.
 * Written synchronously, so that the last words of a dying process are in the file.
 */
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino'

import { humanLine } from './human.js'

export type Logger = PinoLogger

export const LOG_FORMATS = ['text', 'json'] as const

export type LogFormat = (typeof LOG_FORMATS)[number]

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

const DEFAULT_LEVEL: LogLevel = 'info'

const STDERR = 2

let stderr: DestinationStream | null = null

/** Opened on first use: a program that logs nothing opens nothing. */
function stderrDestination(): DestinationStream {
  if (stderr === null) {
    const destination = pino.destination({ dest: STDERR, sync: true })
    // When stderr is gone there is nowhere left to complain, and a daemon must outlive its terminal.
    destination.on('error', () => {})
    stderr = destination
  }
  return stderr
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

/** @param name who speaks, as it stands in each line: `Master`, `Worker`, `Gateway` */
export function createLogger(name: string, options: LoggerOptions = {}): Logger {
  const format = options.format ?? logFormat()
  const sink: DestinationStream = {
    write(line) {
      const destination = options.destination ?? stderrDestination()
      destination.write(format === 'json' ? line : humanLine(line))
    },
  }
  return pino(
    {
      level: options.level ?? logLevel(),
      base: { logger: name },
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label.toUpperCase() }) },
      serializers: { error: pino.stdSerializers.err },
    },
    sink,
  )
}
