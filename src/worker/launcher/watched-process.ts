/** One child process: started with its logs in files, watched, ended with TERM and then KILL (T8). */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { constants as fileFlags } from 'node:fs'
import { open } from 'node:fs/promises'
import { constants } from 'node:os'
import { join } from 'node:path'

import type { ProcessPlan } from '../command-line.js'
import type { GuardianLines } from '../guardian-lines.js'
import { settledLater } from '../settled-later.js'
import { guardedCommand } from './guarded-command.js'

// Emptied when an id comes again; appended to, so that a log rotated from outside keeps working.
const LOG_FLAGS = fileFlags.O_CREAT | fileFlags.O_TRUNC | fileFlags.O_APPEND | fileFlags.O_WRONLY
const LOG_MODE = 0o644

/** @returns what a JVM sees of a process's end: its code, or 128 plus the signal's number */
export function exitStatusOf(code: number | null, signal: NodeJS.Signals | null): number {
  if (code !== null) return code
  return 128 + (signal === null ? 0 : constants.signals[signal])
}

export interface WatchedProcess {
  readonly pid: number
  /** Settles when the process is gone, or when it outlived KILL. Never rejects. */
  readonly ended: Promise<{ exitStatus: number; orphaned: boolean }>
  /** TERM now, KILL after `killTimeoutMs`. Once is enough. */
  kill(): void
}

export interface StartOptions {
  directory: string
  /** The first lines of stderr. */
  header: string
  killTimeoutMs: number
  /** Of this thread. */
  guardian: GuardianLines
}

/** @throws Error when it can't be started */
export async function startProcess(
  plan: ProcessPlan,
  options: StartOptions,
): Promise<WatchedProcess> {
  const { directory, header, guardian } = options
  const { program, args } = await guardedCommand(plan)
  const stdout = await open(join(directory, 'stdout'), LOG_FLAGS, LOG_MODE)
  try {
    const stderr = await open(join(directory, 'stderr'), LOG_FLAGS, LOG_MODE)
    try {
      await stderr.write(header)
      const child = spawn(program, args, {
        cwd: directory,
        env: plan.environment,
        // A group of its own: Ctrl-C at the worker's terminal reaches the worker alone, which ends its
        // executors in order; and whatever an executor leaves behind can be ended with it.
        detached: true,
        // The fourth is for guardedCommand.
        stdio: [plan.stdin, stdout.fd, stderr.fd, guardian.fd],
      })
      // Nothing is ever written; a child that closes its end must not break the thread.
      child.stdin?.on('error', () => {})
      await once(child, 'spawn')
      return watch(child, options)
    } finally {
      await stderr.close()
    }
  } finally {
    await stdout.close()
  }
}

function watch(child: ChildProcess, { killTimeoutMs, guardian }: StartOptions): WatchedProcess {
  const pid = child.pid ?? 0
  let timer: NodeJS.Timeout | null = null
  let killing = false
  const { promise, resolve } = settledLater<{ exitStatus: number; orphaned: boolean }>()
  const onExit = (code: number | null, signal: NodeJS.Signals | null): void => {
    if (timer !== null) clearTimeout(timer)
    endGroup(pid)
    guardian.ended(pid)
    resolve({ exitStatus: exitStatusOf(code, signal), orphaned: false })
  }
  child.once('exit', onExit)
  child.on('error', () => {})
  // It may have ended between 'spawn' and here.
  if (child.exitCode !== null || child.signalCode !== null) {
    child.off('exit', onExit)
    onExit(child.exitCode, child.signalCode)
  }
  const kill = (): void => {
    if (killing) return
    killing = true
    child.kill('SIGTERM')
    timer = setTimeout(() => {
      child.kill('SIGKILL')
      timer = setTimeout(() => {
        resolve({ exitStatus: exitStatusOf(null, 'SIGKILL'), orphaned: true })
      }, killTimeoutMs)
    }, killTimeoutMs)
  }
  return { pid, ended: promise, kill }
}

/** Ends what the process left in its group, such as Python workers: its cores are given away again. */
export function endGroup(pid: number): void {
  if (pid <= 1) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left in it: the usual case.
  }
}
