/** ConsoleSink: on the console of the daemon, which is its log. */
import { writeStderr } from '../../log/logger.js'
import { singleLine } from '../../http/single-line.js'
import type { Gauge } from '../spark-sources.js'
import type { Sink } from './sink.js'

const COLUMNS = 80

export function consoleSink(write: (text: string) => void = writeStderr): Sink {
  return (gauges, nowMs) => write(consoleText(gauges, nowMs))
}

export function consoleText(gauges: readonly Gauge[], nowMs: number): string {
  const head = `${new Date(nowMs).toISOString()} `
  const lines = gauges.map(
    ({ name, value }) => `${singleLine(name)}\n             value = ${singleLine(String(value))}\n`,
  )
  return `${head.padEnd(COLUMNS, '=')}\n\n${'-- Gauges '.padEnd(COLUMNS, '-')}\n${lines.join('')}\n\n`
}
