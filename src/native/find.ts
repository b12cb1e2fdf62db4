/** Where the native addons are that were built here. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @returns the path of an addon, from src and from dist/src alike @throws Error when it is not built */
export function builtAddon(name: string): string {
  const path = findAddon(name)
  if (path !== null) return path
  throw new Error(
    `the native part is not built: no build/Release/${name}.node here or above; run npm install`,
  )
}

/** @returns null when it is not built */
export function findAddon(name: string): string | null {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const candidate = join(folder, 'build', 'Release', `${name}.node`)
    if (existsSync(candidate)) return candidate
    const parent = dirname(folder)
    if (parent === folder) return null
    folder = parent
  }
}
