/** What the pool's threads run: one long task an executor, and the short ones about scratch folders. */
import {
  createPrivateDirs,
  ensurePrivateDirs,
  removePrivateDirs,
  type CreatedDirs,
} from '../work-dir.js'
import type { Training } from '../class-data/choose.js'
import { stderrHeader } from '../command-line.js'
import { keepDir, ownDirs, removeExpiredDir } from './expired-dirs.js'
import { prepare } from './prepare.js'
import type { GuardianLines } from '../guardian-lines.js'
import type { ChildNote, ExecutorRequest, ExecutorResult } from './request.js'
import { StartsToCome } from './starts-to-come.js'
import { startProcess, type WatchedProcess } from './watched-process.js'

/** What a long task has beside its request. */
export interface TaskContext {
  /** Aborted when its child is to end. */
  killed: AbortSignal
  tell: (note: ChildNote) => void
  /** Of this thread. */
  guardian: GuardianLines
}

/** Prepares, starts, watches and ends one executor. Never rejects for what can go wrong with an executor. */
export async function runExecutor(
  request: ExecutorRequest,
  context: TaskContext,
): Promise<ExecutorResult> {
  const { killed, tell } = context
  try {
    const { started: child, problems, training } = await start(request, context)
    const { pid, execMs } = child
    tell({ kind: 'started', pid, execMs, problems, training })
    // The order may have come while the process was being started.
    if (killed.aborted) child.kill()
    else killed.addEventListener('abort', () => child.kill())
    const { exitStatus, orphaned } = await child.ended
    const message = orphaned
      ? `Process ${pid} outlived SIGKILL and is left behind`
      : `Command exited with code ${exitStatus}`
    return { kind: 'exited', exitStatus, message }
  } catch (error) {
    return killed.aborted
      ? { kind: 'failed', message: 'Killed before it started' }
      : { kind: 'failed', message: `Error running executor: ${explain(error)}` }
  }
}

/**
 * Unless the guardian or rolled logs hold it back, all of it up to the start itself in one go, without a look at what
 * else this thread has to do: what is half done would wait behind every child that is already there.
 */
async function start(
  request: ExecutorRequest,
  { killed, guardian }: TaskContext,
): Promise<{ started: WatchedProcess; problems: string[]; training: Training | null }> {
  const { settings, localDirs } = request
  const startsToCome = new StartsToCome(request.startsToCome)
  let counted = 1
  const more = (): boolean => startsToCome.count > counted
  try {
    const { dirs, problems } = ensurePrivateDirs(localDirs)
    const { plan, directory, classData } = prepare({ ...request, localDirs: dirs })
    if (classData?.problem) problems.push(classData.problem)
    const header = stderrHeader(plan.command, settings.redactionPattern)
    const { killTimeoutMs, rolling } = settings
    const options = { directory, header, killTimeoutMs, rolling, guardian }
    const started = await startProcess(plan, { ...options, more, cancel: killed })
    return { started, problems, training: classData?.training ?? null }
  } finally {
    startsToCome.remove()
    counted = 0
  }
}

/** @returns what an operator is told of a child that can't be started */
export function explain(error: unknown): string {
  const { code, path, syscall, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' && syscall?.startsWith('spawn') === true) {
    return path === 'java'
      ? 'there is no java in the PATH; set JAVA_HOME on the worker'
      : `there is no program ${path}`
  }
  return message
}

export function createDirs(task: {
  parents: readonly string[]
  prefix: 'spark' | 'executor'
}): Promise<CreatedDirs> {
  return createPrivateDirs(task.parents, task.prefix)
}

export function removeDirs(dirs: readonly string[]): Promise<void> {
  return removePrivateDirs(dirs)
}

export function listDirs(task: { workDir: string }): Promise<string[]> {
  return ownDirs(task.workDir)
}

export function keep(task: { workDir: string; name: string; nowMs: number }): Promise<void> {
  return keepDir(task.workDir, task.name, task.nowMs)
}

export function removeExpired(task: {
  workDir: string
  name: string
  cutoffMs: number
}): Promise<boolean> {
  return removeExpiredDir(task.workDir, task.name, task.cutoffMs)
}
