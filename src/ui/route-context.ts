/** What a request may ask of the master. */
import type { LeadershipStatus } from '../control/leadership.js'
import type { DecommissionAllowMode } from '../control/thread-messages.js'
import type { MetricsContext } from '../metrics/routes.js'
import type { Commands } from './command-session.js'
import type { Environment } from './environment-page.js'
import type { SharedAnswers } from '../http/live.js'
import type { ClusterFeed } from './model/cluster-feed.js'
import type { Events } from './model/events.js'
import type { History } from './model/history.js'
import type { OwnLogContext } from './own-log-page.js'

export interface RouteContext extends MetricsContext {
  /** `spark.ui.killEnabled` (P46). */
  readonly killEnabled: boolean
  /** `spark.master.ui.title` (P20). */
  readonly title?: string | null
  /** `spark.master.ui.historyServerUrl` (P21). */
  readonly historyServerUrl?: string | null
  /** Where submissions are taken; null: nowhere, or the master is starting. */
  readonly restUrl?: string | null
  /** Absent or null: nothing is known of it yet. */
  readonly leadership?: LeadershipStatus | null
  /** From where workers may be decommissioned (P22); null: nowhere, `spark.decommission.enabled` is false. */
  readonly decommissionAllowMode: DecommissionAllowMode | null
  /** `spark.ui.reverseProxy` (P47); absent: false. */
  readonly proxied?: boolean
  /** What the page Environment shows (U7); absent: there is none. */
  readonly environment?: Environment
  /** What pages that many ask for are kept in; absent: each is made for its reader alone. */
  readonly shared?: SharedAnswers
  /** Absent: the master's log is not shown. */
  readonly logs?: OwnLogContext
  readonly commands: Commands
  /** Keeps who asked for what and what came of it; all three may carry text of the peer. */
  readonly audit: (remoteAddress: string, command: string, outcome: string) => void
  readonly cluster: Pick<ClusterFeed, 'current' | 'explain' | 'answeredInMs'>
  /** How the cluster was. */
  readonly history: Pick<History, 'samples'>
  /** What happened. */
  readonly events: Pick<Events, 'latest' | 'page'>
}
