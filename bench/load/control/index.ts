/** Scenarios over the control protocol, which Apache's Master does not speak. */
import type { Scenario } from '../scenario.js'
import { ControlChurn } from './churn.js'
import { ControlHeartbeats } from './heartbeats.js'
import { ControlHeldApplications } from './held-applications.js'
import { ControlRegistrations } from './registrations.js'
import { ControlSmallApplications } from './small-applications.js'

export const controlScenarios: Readonly<Record<string, () => Scenario>> = {
  'control-registrations': () => new ControlRegistrations(),
  'control-heartbeats': () => new ControlHeartbeats(),
  'control-small-applications': () => new ControlSmallApplications(),
  'control-held-applications': () => new ControlHeldApplications(),
  'control-churn': () => new ControlChurn(),
}
