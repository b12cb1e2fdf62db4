/** One child process: started with its logs in files, watched, ended with TERM and then KILL (T8). */
import { constants } from 'node:os'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'

import type { ProcessPlan } from '../command-line.js'
import type { GuardianLines } from '../guardian-lines.js'
import type { LogRolling } from '../log-rolling.js'
import { settledLater } from '../settled-later.js'
import { nativeSpawn } from './native-spawn.js'
import { openLog, type ProcessLog } from './process-log.js'
import type { StartChild, StartedChild } from './start-child.js'
import { nativeStarter } from './start-native.js'
import { startByShell } from './start-shell.js'
import { LAUNCH_VARIABLE, Stragglers } from './stragglers.js'

/** How long the rest of a log that goes through this thread may take after its process's end. */
const LOG_TIMEOUT_MS = 2000
/** How long a process may take to go after KILL, however short the time before that is: a large one takes seconds to be taken apart. */
const GONE_TIMEOUT_MS = 10_000

/** @returns what a JVM sees of a process's end: its code, or 128 plus the signal's number */
export function exitStatusOf(code: number | null, signal: NodeJS.Signals | null): number {
  if (code !== null) return code
  return 128 + (signal === null ? 0 : constants.signals[signal])
}

export interface WatchedProcess {
  readonly pid: number
  /** ms since the epoch: when it became the program. */
  readonly execMs: number
  /** Settles when the process is gone with all it has started, or when it outlived KILL. Never rejects. */
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
  /** Keeps what an earlier attempt has written. */
  append?: boolean
  /** Of this thread. */
  guardian: GuardianLines
  /** Whether others are about to start in this process: this one is held until they have. */
  more?: () => boolean
  /** Gives up a start that waits, because the guardian does not read. */
  cancel?: AbortSignal
}

interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

let usual: StartChild | null = null

/** By the addon where it can, or by a shell. */
function usualStart(): StartChild {
  if (usual === null) {
    const native = nativeSpawn()
    usual = native === null ? startByShell : nativeStarter(native)
  }
  return usual
}

/** Of this thread, by the nonce of the guardian. */
const stragglers = new Map<string, Stragglers>()
let launches = 0

function stragglersOf({ nonce }: GuardianLines): Stragglers {
  const known = stragglers.get(nonce)
  if (known !== undefined) return known
  const made = new Stragglers(nonce)
  stragglers.set(nonce, made)
  return made
}

/** @throws Error when it can't be started */
export async function startProcess(
  plan: ProcessPlan,
  options: StartOptions,
  start: StartChild = usualStart(),
): Promise<WatchedProcess> {
  const { directory, header, guardian, rolling, append, more, cancel } = options
  launches += 1
  const launch = `${guardian.nonce}/${threadId}-${launches}`
  const environment = { ...plan.environment, [LAUNCH_VARIABLE]: launch }
  const exit = settledLater<Exit>()
  const logs: ProcessLog[] = []
  try {
    const stdout = await openLog(join(directory, 'stdout'), rolling, append)
    logs.push(stdout)
    const stderr = await openLog(join(directory, 'stderr'), rolling, append)
    logs.push(stderr)
    await stderr.write(header)
    const child = await start({
      plan: { ...plan, environment },
      directory,
      stdout: stdout.target,
      stderr: stderr.target,
      guardian,
      ...(more === undefined ? {} : { more }),
      ...(cancel === undefined ? {} : { cancel }),
      onExit: (pid, code, signal) => {
        // While its number can't be another's yet.
        endGroup(pid)
        guardian.ended(pid)
        exit.resolve({ code, signal })
      },
    })
    stdout.follow(child.stdout)
    stderr.follow(child.stderr)
    const settle = async (): Promise<void> => {
      await stragglersOf(guardian).end(launch)
      await finishAll(logs)
    }
    return watch(child, exit.promise, { settle, killTimeoutMs: options.killTimeoutMs })
  } catch (error) {
    await finishAll(logs)
    throw error
  }
}

/** Waits for its end, and kills it when the time is over or it is given up. */
export async function endWithin(
  child: Pick<WatchedProcess, 'kill' | 'ended'>,
  timeoutMs: number,
  cancel: AbortSignal,
): Promise<{ exitStatus: number; late: boolean }> {
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill()
  }, timeoutMs)
  const onAbort = (): void => child.kill()
  cancel.addEventListener('abort', onAbort)
  if (cancel.aborted) child.kill()
  const { exitStatus } = await child.ended
  clearTimeout(timer)
  cancel.removeEventListener('abort', onAbort)
  return { exitStatus, late }
}

async function finishAll(logs: readonly ProcessLog[]): Promise<void> {
  await Promise.all(logs.map((log) => log.finish(LOG_TIMEOUT_MS)))
}

function watch(
  child: StartedChild,
  exit: Promise<Exit>,
  { settle, killTimeoutMs }: { settle: () => Promise<void>; killTimeoutMs: number },
): WatchedProcess {
  const { pid, execMs } = child
  let timer: NodeJS.Timeout | null = null
  let killing = false
  const { promise, resolve } = settledLater<{ exitStatus: number; orphaned: boolean }>()
  const follow = async (): Promise<void> => {
    const { code, signal } = await exit
    if (timer !== null) clearTimeout(timer)
    await settle()
    resolve({ exitStatus: exitStatusOf(code, signal), orphaned: false })
  }
  void follow()
  const kill = (): void => {
    if (killing) return
    killing = true
    child.signal('SIGTERM')
    timer = setTimeout(() => {
      child.signal('SIGKILL')
      timer = setTimeout(() => {
        resolve({ exitStatus: exitStatusOf(null, 'SIGKILL'), orphaned: true })
      }, GONE_TIMEOUT_MS)
    }, killTimeoutMs)
  }
  return { pid, execMs, ended: promise, kill }
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
