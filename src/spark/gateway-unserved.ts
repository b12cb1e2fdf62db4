/** What a Spark peer is told when it sends what a Master does not serve from other processes (spec M44). */
import type { IncomingMessage } from './messages.js'
import { shown } from './rpc-connection.js'

/** One line: what was not understood or not served, and what to do where something can be done. */
export function refusalOf(message: IncomingMessage, webUiUrl: string): string {
  switch (message.kind) {
    case 'Unknown':
      return `Unsupported message ${shown(message.className)}`
    case 'RequestMasterState':
      // Its answer would be objects of Apache's Master itself, which asks only from within its process.
      return `Unsupported message RequestMasterState: read the state as JSON from ${webUiUrl}/json/`
    case 'MasterChangeAcknowledged':
      return `Unsupported message ${message.kind}: this master did not ask for it`
    default:
      return `Unsupported message ${message.kind}: not served by this master`
  }
}
