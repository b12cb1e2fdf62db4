/** Slf4jSink: a line of the log for each gauge, in the words of Dropwizard's. */
import { singleLine } from '../../http/single-line.js'
import type { Logger } from '../../log/logger.js'
import type { Sink } from './sink.js'

export function logSink(log: Logger): Sink {
  return (gauges) => {
    for (const { name, value } of gauges) {
      log.info(`type=GAUGE, name=${singleLine(name)}, value=${singleLine(String(value))}`)
    }
  }
}
