/** One child process: started with its logs in files, watched, ended with TERM and then KILL (T8). */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { join } from 'node:path'

import type { ProcessPlan } from '../command-line.js'
import type { GuardianLines } from '../guardian-lines.js'
import type { LogRolling } from '../log-rolling.js'
import { settledLater } from '../settled-later.js'
import { guardedCommand } from './guarded-command.js'
import { openLog, type ProcessLog } from './process-log.js'

/** How long the rest of a log that goes through this thread may take after its process's end. */
const LOG_TIMEOUT_MS = 2000

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
  /** Null: its logs are not rolled. */
  rolling: LogRolling | null
  /** Of this thread. */
  guardian: GuardianLines
}

/** @throws Error when it can't be started */
export async function startProcess(
  plan: ProcessPlan,
  options: StartOptions,
): Promise<WatchedProcess> {
  const { directory, header, guardian, rolling } = options
  const { program, args } = await guardedCommand(plan)
  const logs: ProcessLog[] = []
  try {
    const stdout = await openLog(join(directory, 'stdout'), rolling)
    logs.push(stdout)
    const stderr = await openLog(join(directory, 'stderr'), rolling)
    logs.push(stderr)
    await stderr.write(header)
    const child = spawn(program, args, {
      cwd: directory,
      env: plan.environment,
      // A group of its own: Ctrl-C at the worker's terminal reaches the worker alone, which ends its
      // executors in order; and whatever an executor leaves behind can be ended with it.
      detached: true,
      // The fourth is for guardedCommand.
      stdio: [plan.stdin, stdout.target, stderr.target, guardian.fd],
    })
    // Nothing is ever written; a child that closes its end must not break the thread.
    child.stdin?.on('error', () => {})
    await once(child, 'spawn')
    stdout.follow(child.stdout)
    stderr.follow(child.stderr)
    return watch(child, logs, options)
  } catch (error) {
    await finishAll(logs)
    throw error
  }
}

async function finishAll(logs: readonly ProcessLog[]): Promise<void> {
  await Promise.all(logs.map((log) => log.finish(LOG_TIMEOUT_MS)))
}

function watch(
  child: ChildProcess,
  logs: readonly ProcessLog[],
  { killTimeoutMs, guardian }: StartOptions,
): WatchedProcess {
  const pid = child.pid ?? 0
  let timer: NodeJS.Timeout | null = null
  let killing = false
  const { promise, resolve } = settledLater<{ exitStatus: number; orphaned: boolean }>()
  const onExit = (code: number | null, signal: NodeJS.Signals | null): void => {
    if (timer !== null) clearTimeout(timer)
    endGroup(pid)
    guardian.ended(pid)
    const end = { exitStatus: exitStatusOf(code, signal), orphaned: false }
    void finishAll(logs).then(() => resolve(end))
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
