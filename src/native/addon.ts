/** The native addons that were built here. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * @param name such as `magneto_core`, of build/Release of this installation, from src and from dist/src alike
 * @returns what it exports, of which the caller knows the type; null: it is not built
 */
export function findAddon(name: string): unknown {
  const load = createRequire(import.meta.url)
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const candidate = join(folder, 'build', 'Release', `${name}.node`)
    if (existsSync(candidate)) return load(candidate)
    const parent = dirname(folder)
    if (parent === folder) return null
    folder = parent
  }
}

/** As `findAddon`. @throws Error when it is not built */
export function builtAddon(name: string): unknown {
  const found = findAddon(name)
  if (found !== null) return found
  throw new Error(
    `the native part is not built: no build/Release/${name}.node here or above; run npm install`,
  )
}
