/** The class path of an executor that an archive can serve: a JVM takes one whose class path begins as its own does. */
import { readdirSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'

const WILDCARD = '/*'

export interface ArchiveClassPath {
  /** All entries; the configuration folder stands behind the distribution's jars, where an archive does not see it. */
  entries: readonly string[]
  /** Those that the archive is made for; there is no folder among them. */
  archived: readonly string[]
}

/**
 * A JVM refuses archives for folders with something in them. Spark's configuration folder, before the jars by Spark's
 * order, is put behind them: whoever uses this sees to it that no jar has what it holds (`shadowed`).
 *
 * @param entries in Spark's order, folders with a slash at their end
 * @param jars the entry of the distribution's jars
 * @returns null when something before the jars can't be archived
 */
export function archiveClassPath(
  entries: readonly string[],
  { confDir, jars }: { confDir: string; jars: string },
): ArchiveClassPath | null {
  const isConf = (entry: string): boolean => entry === confDir || entry === `${confDir}/`
  const at = entries.indexOf(jars)
  if (at < 0) return null
  const before = entries.slice(0, at)
  const archived = [...before.filter((entry) => !isConf(entry)), jars]
  if (archived.some((entry) => entry.endsWith('/') || !isAbsolute(entry))) return null
  return { entries: [...archived, ...before.filter(isConf), ...entries.slice(at + 1)], archived }
}

/** The jars of entries, wildcards resolved, and for each its size and time: what a JVM compares. */
export function fingerprint(archived: readonly string[]): [path: string, ...state: number[]][] {
  return jarsOf(archived).map((path) => {
    const found = statSync(path, { throwIfNoEntry: false })
    return found === undefined ? [path] : [path, found.size, found.mtimeMs]
  })
}

/** @throws Error when a folder can't be read */
export function jarsOf(archived: readonly string[]): string[] {
  return archived.flatMap((entry) => {
    if (!entry.endsWith(WILDCARD)) return [entry]
    const folder = dirname(entry)
    const names = readdirSync(folder).filter((name) => /\.jar$/i.test(name))
    return names.sort().map((name) => join(folder, name))
  })
}

/** The folders of wildcards: their times change when a jar comes or goes. */
export function wildcardFolders(archived: readonly string[]): string[] {
  return archived.filter((entry) => entry.endsWith(WILDCARD)).map((entry) => dirname(entry))
}

/** @returns a name in `folder` that stands in a jar as well, so that it matters which comes first; null: there is none */
export function shadowed(folder: string, namesInJars: ReadonlySet<string>): string | null {
  try {
    return readdirSync(folder).find((name) => namesInJars.has(name)) ?? null
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
