/** Which JDK a `java` belongs to. */
import { readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface Jdk {
  /** The program, with every link followed. */
  java: string
  /** 17 */
  major: number
  /** Changes whenever another JDK is put in its place. */
  identity: string
}

/** Before, class lists have no lambdas and mismatches are told aloud. */
const MIN_MAJOR = 17
/** What an archive holds depends on these. */
const PARTS = ['lib/server/libjvm.so', 'lib/modules']

/**
 * @param candidates where the program may be, tried in turn
 * @returns null for what no archive can be made with: no JDK around the program, an old one, or one without HotSpot
 */
export function findJdk(candidates: readonly string[]): Jdk | null {
  for (const candidate of candidates) {
    const java = realPath(candidate)
    if (java !== null) return jdkAround(java)
  }
  return null
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path)
  } catch {
    return null
  }
}

function jdkAround(java: string): Jdk | null {
  const home = dirname(dirname(java))
  try {
    const release = readFileSync(join(home, 'release'), 'utf8')
    const major = Number(/^JAVA_VERSION="(\d+)/m.exec(release)?.[1] ?? 0)
    if (major < MIN_MAJOR || /openj9/i.test(release)) return null
    const parts = PARTS.map((part) => {
      const { size, mtimeMs } = statSync(join(home, part))
      return [part, size, mtimeMs]
    })
    return { java, major, identity: JSON.stringify([java, release, parts]) }
  } catch {
    // A script that finds its JDK by itself, or a JDK of another shape.
    return null
  }
}
