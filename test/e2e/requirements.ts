/** What an end-to-end test needs of the machine. Missing: skipped with a loud reason, but never in CI. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe } from 'vitest'

/** `describe`, or its skipping form when one of the commands or files, or root where it is needed, is missing outside CI. */
export function describeWith(
  commands: string[],
  name: string,
  body: () => void,
  options: { root?: boolean; files?: string[] } = {},
): void {
  const missing = commands
    .filter((command) => spawnSync('which', [command]).status !== 0)
    .map((command) => `${command}, not installed on this machine`)
  missing.push(...(options.files ?? []).filter((file) => !existsSync(file)))
  if (options.root && process.getuid?.() !== 0) missing.push('root')
  if (missing.length > 0 && process.env['CI'] === undefined) {
    console.warn(`SKIPPED: ${name}: needs ${missing.join('; ')}`)
    describe.skipIf(true)(name, body)
    return
  }
  describe(name, body)
}
