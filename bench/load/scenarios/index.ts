/** The scenarios that play peers of Spark RPC, by name. */
import type { Scenario } from '../scenario.js'
import { Asks } from './asks.js'
import { DriverEnds, DriverSubmissions } from './drivers.js'
import { ExecutorEvents } from './executor-events.js'
import { Heartbeats } from './heartbeats.js'
import { Recovery } from './recovery.js'
import { Registrations } from './registrations.js'
import { SmallApplications } from './small-applications.js'
import { WholeCluster } from './whole-cluster.js'

export const scenarios = {
  'ask-one': () => new Asks(1),
  'ask-256': () => new Asks(256),
  heartbeats: () => new Heartbeats(),
  registrations: () => new Registrations(),
  'small-applications': () => new SmallApplications(),
  'whole-cluster': () => new WholeCluster(),
  'executor-events': () => new ExecutorEvents(),
  'driver-submissions': () => new DriverSubmissions(),
  'driver-ends': () => new DriverEnds(),
  recovery: () => new Recovery(),
} satisfies Record<string, () => Scenario>

export type ScenarioName = keyof typeof scenarios
