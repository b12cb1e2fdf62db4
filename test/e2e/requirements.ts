/** What an end-to-end test needs of the machine. Missing: skipped with a loud reason, but never in CI. */
import { spawnSync } from 'node:child_process'
import { describe } from 'vitest'

/** `describe`, or its skipping form when one of the commands is missing outside CI. */
export function describeWith(commands: string[], name: string, body: () => void): void {
  const missing = commands.filter((command) => spawnSync('which', [command]).status !== 0)
  if (missing.length > 0 && process.env['CI'] === undefined) {
    console.warn(`SKIPPED: ${name}: needs ${missing.join(', ')}, not installed on this machine`)
    describe.skipIf(true)(name, body)
    return
  }
  describe(name, body)
}
