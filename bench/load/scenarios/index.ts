/** The scenarios that play peers of Spark RPC, by name. */
import type { Scenario } from '../scenario.js'
import { Asks } from './asks.js'
import { Heartbeats } from './heartbeats.js'
import { Registrations } from './registrations.js'
import { SmallApplications } from './small-applications.js'

export const scenarios = {
  'ask-one': () => new Asks(1),
  'ask-256': () => new Asks(256),
  heartbeats: () => new Heartbeats(),
  registrations: () => new Registrations(),
  'small-applications': () => new SmallApplications(),
} satisfies Record<string, () => Scenario>

export type ScenarioName = keyof typeof scenarios
