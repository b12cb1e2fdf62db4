/**
 * An executor names itself to the worker's guardian before it becomes the executor, here by a shell. A worker can be killed between
 * a fork and its own next step, so a word of the worker's would come too late; and the guardian's input does not
 * end while a child that has not spoken yet holds the pipe open.
 */
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { resolve } from 'node:path'

import type { ProcessPlan } from '../command-line.js'
import { candidates, cantStart } from './start-child.js'

/** The guardian's pipe is the child's descriptor 3. One that is full, because the guardian does not read, holds the start back: no executor runs unguarded. */
const SCRIPT = `until echo "+$$" >&3 2>/dev/null; do sleep 1; done
exec "$@" 3>&-`

/** Shells drop variables with other names, and give some a value of their own. */
const PASSES_A_SHELL = /^[A-Za-z_][A-Za-z0-9_]*$/
const SHELL_VARIABLES = new Set(['IFS', 'LINENO', 'OPTIND', 'PPID', 'PS1', 'PS2', 'PS4', 'PWD'])

export interface GuardedCommand {
  program: string
  args: string[]
}

/**
 * @param directory where it will run
 * @throws SpawnError when the program can't be started
 */
export async function guardedCommand(
  plan: ProcessPlan,
  directory: string,
): Promise<GuardedCommand> {
  await findProgram(plan, directory)
  const { command, environment } = plan
  const kept = Object.entries(environment)
    .filter(([name]) => SHELL_VARIABLES.has(name) || !PASSES_A_SHELL.test(name))
    .map(([name, value]) => `${name}=${value}`)
  const restored = kept.length === 0 ? [] : ['/usr/bin/env', ...kept]
  return { program: '/bin/sh', args: ['-c', SCRIPT, 'executor', ...restored, ...command] }
}

/** The shell would only say so in the executor's log. */
async function findProgram(plan: ProcessPlan, directory: string): Promise<void> {
  let code = 'ENOENT'
  for (const candidate of candidates(plan)) {
    const path = resolve(directory, candidate)
    try {
      await access(path, constants.X_OK)
      if ((await stat(path)).isFile()) return
      code = 'EACCES'
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EACCES') code = 'EACCES'
    }
  }
  throw cantStart(plan.command[0] ?? '', code)
}
