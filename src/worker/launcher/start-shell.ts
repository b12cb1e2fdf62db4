/** Starts a child where the addon can't: by Node, and by a shell that names it to the guardian first. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

import { guardedCommand } from './guarded-command.js'
import type { StartedChild, StartRequest } from './start-child.js'

export async function startByShell(request: StartRequest): Promise<StartedChild> {
  const { plan, directory, guardian, stdout, stderr } = request
  const { program, args } = await guardedCommand(plan, directory)
  const child = spawn(program, args, {
    cwd: directory,
    env: plan.environment,
    // A group of its own: Ctrl-C at the worker's terminal reaches the worker alone, which ends its
    // executors in order; and whatever an executor leaves behind can be ended with it.
    detached: true,
    // The fourth is for guardedCommand.
    stdio: [plan.stdin, stdout, stderr, guardian.fd],
  })
  child.on('exit', (code, signal) => request.onExit(child.pid ?? 0, code, signal))
  // Nothing is ever written; a child that closes its end must not break the thread.
  child.stdin?.on('error', () => {})
  await once(child, 'spawn')
  child.on('error', () => {})
  return {
    pid: child.pid ?? 0,
    // Of the shell: its own exec follows within the ms or two that it takes.
    execMs: performance.timeOrigin + performance.now(),
    stdout: child.stdout,
    stderr: child.stderr,
    signal: (name) => void child.kill(name),
  }
}
