/** Why an application or a driver waits: as data for programs, as sentences for terminals. Pure. */
import {
  ApplicationState,
  DriverState,
  type ApplicationViewT,
  type DriverViewT,
  type ExplanationT,
} from '../schema/magneto.js'
import { singleLine } from '../http/single-line.js'
import { applicationExplainFields, driverExplainFields } from './api/explain-fields.js'
import { itemOf, timeless } from './api/field.js'
import type { ExplainAnswer } from './api/shapes.js'
import type { ClusterFeed } from './model/cluster-feed.js'
import { findRow } from './model/find-row.js'

/** What is asked about. */
export interface Explained {
  readonly kind: 'application' | 'driver'
  readonly id: string
  readonly state: string
  /** How a driver failed. */
  readonly exception: string | null
  /** One for each resource profile that waits; none: nothing waits. */
  readonly explanations: readonly ExplanationT[]
}

export function explainPath(kind: Explained['kind'], id: string): string {
  return `/api/v1/${kind}s/${encodeURIComponent(id)}/explain`
}

export function explainedApplication(application: ApplicationViewT): Explained {
  return {
    kind: 'application',
    id: String(application.id),
    state: ApplicationState[application.state],
    exception: null,
    explanations: application.explanations,
  }
}

export function explainedDriver(driver: DriverViewT): Explained {
  return {
    kind: 'driver',
    id: String(driver.id),
    state: DriverState[driver.state],
    exception: driver.exception,
    explanations: driver.explanation === null ? [] : [driver.explanation],
  }
}

/** @returns null when there is none of that kind and id @throws ViewUnavailable */
export async function findExplained(
  cluster: Pick<ClusterFeed, 'current' | 'explain'>,
  kind: Explained['kind'],
  id: string,
): Promise<Explained | null> {
  if (kind === 'application') {
    const found = await findRow(cluster, (model) => model.application(id))
    if (found === null) return null
    await cluster.explain({ applications: [found.row], drivers: [] })
    return explainedApplication(found.row.application)
  }
  const found = await findRow(cluster, (model) => model.driver(id))
  if (found === null) return null
  await cluster.explain({ applications: [], drivers: [found.row] })
  return explainedDriver(found.row.driver)
}

export function explainJson(found: Explained): ExplainAnswer {
  return found.kind === 'driver'
    ? itemOf(driverExplainFields, found, timeless)
    : itemOf(applicationExplainFields, found, timeless)
}

/** Two lines for each profile that waits, why and what would help; else one that says the state. */
export function explainText({ kind, id, state, exception, explanations }: Explained): string {
  if (explanations.length === 0) {
    const why = exception === null ? '' : `: ${exception}`
    return `${singleLine(`${kind} ${id} does not wait, it is ${state}${why}`)}\n`
  }
  return explanations
    .flatMap(({ profileId, reason, advice }) => {
      const name = explanations.length === 1 ? '' : `resource profile ${profileId}: `
      return [`${name}${reason}`, `${name}${advice}`]
    })
    .map((line) => `${singleLine(line)}\n`)
    .join('')
}
