/** StatsdSink: a datagram for each gauge. */
import type { StatsdSettings } from '../../conf/metrics-sinks.js'
import { sendDatagrams } from './datagrams.js'
import { wireGauges, type Sink } from './sink.js'

export function statsdSink(settings: StatsdSettings): Sink {
  const { host, port } = settings
  return async (gauges) => {
    // Both end a name in this protocol, and an application may have them in its own.
    const lines = wireGauges(gauges, settings).map(
      ({ name, value }) => `${name.replaceAll(/[:|]/g, '-')}:${value}|g`,
    )
    if (lines.length > 0) await sendDatagrams(host, port, lines)
  }
}
