/** One row of the cluster, also when it has just come. */
import { setTimeout as delay } from 'node:timers/promises'
import { feedFreshMs, type ClusterFeed } from './cluster-feed.js'
import type { ClusterModel } from './cluster-model.js'

/**
 * What came a moment ago may not be in a model that is fresh still: before it counts as missing, a later one is asked for.
 *
 * @returns null when there is none @throws ViewUnavailable
 */
export async function findRow<R>(
  cluster: Pick<ClusterFeed, 'current'>,
  find: (model: ClusterModel) => R | null,
): Promise<{ readonly row: R; readonly model: ClusterModel } | null> {
  const now = await cluster.current()
  const row = find(now)
  if (row !== null) return { row, model: now }
  await delay(feedFreshMs)
  const later = await cluster.current()
  const found = find(later)
  return found === null ? null : { row: found, model: later }
}
