/** What a child may use of the machine's custom resources, by name and address, in Spark's format (G4). */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Resource } from './request.js'

/** @returns the file's path; null when nothing was assigned */
export function writeResourcesFile(
  directory: string,
  component: 'executor' | 'driver',
  resources: readonly Resource[],
  id: number | string,
): string | null {
  if (resources.length === 0) return null
  const path = join(directory, `resource-${component}-${id}.json`)
  const document = resources.map(({ name, addresses }) => ({
    id: { componentName: `spark.${component}`, resourceName: name },
    addresses,
  }))
  writeFileSync(path, JSON.stringify(document))
  return path
}
