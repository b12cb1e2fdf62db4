/** StatsdSink: a datagram for each gauge. */
import type { StatsdSettings } from '../../conf/metrics-sinks.js'
import { sendDatagrams } from './datagrams.js'
import { wireGauges, type Sink } from './sink.js'

export function statsdSink(settings: StatsdSettings): Sink {
  const { host, port } = settings
  return async (gauges) => {
    const lines = wireGauges(gauges, settings).map(({ name, value }) => `${name}:${value}|g`)
    if (lines.length > 0) await sendDatagrams(host, port, lines)
  }
}
