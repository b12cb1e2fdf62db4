/** What a Spark peer is told when it sends what this master does not serve (spec M44). */
import type { IncomingMessage, OutgoingMessage } from './messages.js'
import { shown } from './rpc-connection.js'

export const WORKERS_NOT_SERVED =
  "Apache Spark's own workers are not served by this master; start Magneto's (sbin/start-worker.sh)"

export const CLUSTER_MODE =
  'drivers in cluster mode are not served; submit with --deploy-mode client'

/** One line: what was not understood or not served, and what to do where something can be done. */
export function refusalOf(message: IncomingMessage): string {
  switch (message.kind) {
    case 'Unknown':
      return `Unsupported message ${shown(message.className)}`
    case 'RequestSubmitDriver':
    case 'RequestKillDriver':
    case 'RequestDriverStatus':
    case 'RequestKillAllDrivers':
      return `${message.kind}: ${CLUSTER_MODE}`
    case 'RegisterWorker':
    case 'Heartbeat':
    case 'WorkerLatestState':
    case 'ExecutorStateChanged':
    case 'DriverStateChanged':
    case 'WorkerDecommissioning':
    case 'WorkerSchedulerStateResponse':
      return `${message.kind}: ${WORKERS_NOT_SERVED}`
    default:
      return `Unsupported message ${message.kind}: not served by this master`
  }
}

/**
 * Submit clients take a failed ask for an outage and wait on for ever; told no in words of their own, they
 * show the text and end.
 *
 * @returns null: a failed ask says it
 */
export function noTo(message: IncomingMessage): OutgoingMessage | null {
  const success = false
  if (message.kind === 'RequestSubmitDriver')
    return { kind: 'SubmitDriverResponse', success, driverId: null, message: CLUSTER_MODE }
  if (message.kind === 'RequestKillDriver') {
    const { driverId } = message
    return { kind: 'KillDriverResponse', success, driverId, message: CLUSTER_MODE }
  }
  return null
}
