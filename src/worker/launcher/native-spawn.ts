/**
 * The typed face of the addon that starts processes, and the only file that loads it. Each thread has its own; what
 * is started in a thread is watched there, and is ended when the thread breaks.
 */
import { findAddon } from '../../native/addon.js'

export const NULL_DEVICE = -1
/** For stdin: a pipe to which nothing is written and which ends with this process. */
export const HELD_PIPE = -2

/** Where a start failed; '': it did not. */
export type StartStep = '' | 'clone' | 'chdir' | 'dup2' | 'guardian' | 'execve' | 'epoll_ctl'

export interface NativeStart {
  /** Also of a process that is gone again; -1: none was made. */
  pid: number
  step: StartStep
  /** As libuv writes them: -2 is ENOENT; 0: none. */
  error: number
  /** Since right before the exec, ms. */
  execAgoMs: number
}

export interface NativeSpawn {
  /**
   * Starts a process in a session of its own, with every signal at its default and no descriptor but three. It has
   * named itself to the guardian before it becomes the program. Returns at once: threads of the addon make it.
   *
   * @param programs paths, tried in turn
   * @param argv from argv[0] on
   * @param environment NAME=value
   * @param stdin as `stdout` and `stderr` a descriptor, open until `onStart`; NULL_DEVICE, or HELD_PIPE
   * @param stopped gets SIGSTOP at its exec: the program runs nothing until it gets SIGCONT
   * @param onStart called once, after the exec, with the fields of NativeStart. From `execve` on a failure leaves the
   *   name with the guardian, and the process's number is nobody else's until it returns
   * @param onEnd called once, later, with -1 and a signal's number, or a code and 0. The process's number is nobody
   *   else's until it returns
   */
  start(
    programs: readonly string[],
    argv: readonly string[],
    environment: readonly string[],
    directory: string,
    stdin: number,
    stdout: number,
    stderr: number,
    guardianFd: number,
    stopped: boolean,
    onStart: (pid: number, step: StartStep, error: number, execAgoMs: number) => void,
    onEnd: (code: number, signal: number) => void,
  ): void
  /** What is ordered and has not begun fails at `guardian` with EAGAIN. Waits for the exec of what has begun. */
  refuseWaiting(): void
  /** @returns the ends that are read and written, not inherited by anybody unasked */
  pipe(): [number, number]
  /** For what `pipe` has made. */
  close(fd: number): void
}

type Addon = { supported: false } | ({ supported: true } & NativeSpawn)

let loaded: NativeSpawn | null | undefined

/** @returns null where processes are to be started without it: other systems than Linux, or Linux before 5.4 */
export function nativeSpawn(): NativeSpawn | null {
  if (loaded === undefined) {
    const found = process.platform === 'linux' ? findAddon('magneto_spawn') : null
    const addon = found as Addon | null
    loaded = addon?.supported === true ? addon : null
  }
  return loaded
}
