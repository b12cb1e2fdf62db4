/** GraphiteSink: a connection for each report over TCP, a datagram for each gauge over UDP. */
import { connect } from 'node:net'
import type { GraphiteSettings } from '../../conf/metrics-sinks.js'
import { sendDatagrams } from './datagrams.js'
import { wireGauges, type Sink } from './sink.js'

const MS_PER_S = 1000
const TIMEOUT_MS = 10_000

export function graphiteSink(settings: GraphiteSettings): Sink {
  const { host, port, protocol } = settings
  return async (gauges, nowMs) => {
    const second = Math.floor(nowMs / MS_PER_S)
    const lines = wireGauges(gauges, settings).map(
      ({ name, value }) => `${name} ${value} ${second}\n`,
    )
    if (lines.length === 0) return
    if (protocol === 'udp') await sendDatagrams(host, port, lines)
    else await sendStream(host, port, lines.join(''))
  }
}

/** @throws Error when it can't connect, or not everything has left in time */
function sendStream(host: string, port: number, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    socket.setTimeout(TIMEOUT_MS, () =>
      socket.destroy(new Error(`${host}:${port} takes nothing for ${TIMEOUT_MS} ms`)),
    )
    socket.once('error', reject)
    socket.once('close', () => resolve())
    // What a server answers is nobody's concern, but it has to be read for the end to come.
    socket.resume()
    socket.end(text)
  })
}
