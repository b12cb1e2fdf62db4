/** What a request is once it has left the socket, and what it may ask of the master. */
import type { IncomingHttpHeaders } from 'node:http'
import type { DecommissionAllowMode } from '../control/thread-messages.js'
import type { ClusterViewT } from '../schema/magneto.js'
import type { Commands } from './command-session.js'

export interface RouteContext {
  /** `spark.ui.killEnabled` (P46). */
  readonly killEnabled: boolean
  /** From where workers may be decommissioned (P22); null: nowhere, `spark.decommission.enabled` is false. */
  readonly decommissionAllowMode: DecommissionAllowMode | null
  readonly commands: Commands
  /** Keeps who asked for what and what came of it; all three may carry text of the peer. */
  readonly audit: (remoteAddress: string, command: string, outcome: string) => void
  /** @throws ViewUnavailable */
  view(): Promise<ClusterViewT>
}

export interface Request {
  readonly method: string
  /** As it stands in the request line: path and query. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
  /** Form parameters of a POST; read by the server, which bounds them. */
  readonly form: URLSearchParams
  /** The peer's IP address, whatever a proxy says of it; empty when the peer has left. */
  readonly remoteAddress: string
}

/** A request whose target is understood. */
export interface Asked {
  readonly path: string
  /** Of the query and of the form. */
  readonly parameters: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly remoteAddress: string
}
