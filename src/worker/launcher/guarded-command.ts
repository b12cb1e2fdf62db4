/**
 * An executor names itself to the worker's guardian before it becomes the executor. A worker can be killed between
 * a fork and its own next step, so a word of the worker's would come too late; and the guardian's input does not
 * end while a child that has not spoken yet holds the pipe open.
 */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'

import type { ProcessPlan } from '../command-line.js'

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

/** @throws Error with code ENOENT or EACCES, as spawn's, when the program can't be started */
export async function guardedCommand({
  command,
  environment,
}: ProcessPlan): Promise<GuardedCommand> {
  const [program = ''] = command
  await findProgram(program, environment['PATH'])
  const kept = Object.entries(environment)
    .filter(([name]) => SHELL_VARIABLES.has(name) || !PASSES_A_SHELL.test(name))
    .map(([name, value]) => `${name}=${value}`)
  const restored = kept.length === 0 ? [] : ['/usr/bin/env', ...kept]
  return { program: '/bin/sh', args: ['-c', SCRIPT, 'executor', ...restored, ...command] }
}

/** The shell would only say so in the executor's log. */
async function findProgram(program: string, path: string | undefined): Promise<void> {
  const folders = program.includes('/') || path === undefined ? [''] : path.split(':')
  if (path === undefined && !program.includes('/')) return
  let reason = 'ENOENT'
  for (const folder of folders) {
    try {
      return await access(join(folder, program), constants.X_OK)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EACCES') reason = 'EACCES'
    }
  }
  const error = new Error(`${program} can't be started: ${reason}`)
  throw Object.assign(error, { code: reason, syscall: `spawn ${program}`, path: program })
}
