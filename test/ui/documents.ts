/** Spark's JSON documents of a view, as text and as what a client reads of it. */
import { prettyJsonPieces, type JsonObject } from '../../src/http/json-text.js'
import type { ClusterViewT } from '../../src/schema/magneto.js'
import { clusterJson as clusterFields } from '../../src/ui/json.js'

/** Of the document of the master (J1), in their order. */
export const masterFields = [
  'url',
  'workers',
  'aliveworkers',
  'cores',
  'coresused',
  'memory',
  'memoryused',
  'resources',
  'resourcesused',
  'activeapps',
  'completedapps',
  'activedrivers',
  'completeddrivers',
  'status',
]

type Fields = ReturnType<typeof clusterFields>

export function textOf(fields: Fields): string {
  return [...prettyJsonPieces(fields)].join('')
}

export function documentOf(fields: Fields): JsonObject {
  return JSON.parse(textOf(fields)) as JsonObject
}

export function clusterJson(view: ClusterViewT): JsonObject {
  return documentOf(clusterFields(view))
}
