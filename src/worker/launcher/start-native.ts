/** Starts a child by the addon: no shell between, and this thread is free while the child takes its way to the exec. */
import { Socket } from 'node:net'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { getSystemErrorName } from 'node:util'

import { HELD_PIPE, NULL_DEVICE, type NativeSpawn, type NativeStart } from './native-spawn.js'
import {
  candidates,
  cantStart,
  SpawnError,
  type StartChild,
  type StartedChild,
  type StartRequest,
} from './start-child.js'
import { StartHold } from './start-hold.js'

/** How often a start is tried again that a guardian holds back, because it does not read. */
const RETRY_MS = 50

const signalNames = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name as NodeJS.Signals]),
)

/** The pipes of one start. */
class Pipes {
  readonly #native: NativeSpawn
  /** The child has its own copies. */
  readonly #theirs: number[] = []
  readonly #ours: number[] = []

  constructor(native: NativeSpawn) {
    this.#native = native
  }

  /** @returns the end that the child writes to */
  add(): number {
    const [readFd, writeFd] = this.#native.pipe()
    this.#ours.push(readFd)
    this.#theirs.push(writeFd)
    return writeFd
  }

  /** To be called once the child runs. In the order they were added. */
  streams(): Readable[] {
    return this.#ours.splice(0).map((fd) => new Socket({ fd, readable: true, writable: false }))
  }

  close(): void {
    for (const fd of [...this.#theirs, ...this.#ours]) this.#native.close(fd)
  }
}

export function nativeStarter(native: NativeSpawn): StartChild {
  const hold = new StartHold()
  return async (request) => {
    for (;;) {
      // A line of an end that waits must be read before a line of a start: they may be of the same number.
      const started = request.guardian.owed > 0 ? null : await startOnce(native, request, hold)
      if (started !== null) return started
      await new Promise((again) => setTimeout(again, RETRY_MS))
      request.cancel?.throwIfAborted()
    }
  }
}

/** @returns null when the guardian does not read: no child runs unguarded */
async function startOnce(
  native: NativeSpawn,
  request: StartRequest,
  hold: StartHold,
): Promise<StartedChild | null> {
  const { more, stdout, stderr } = request
  const pipes = new Pipes(native)
  try {
    const to = {
      stdout: stdout === 'pipe' ? pipes.add() : stdout,
      stderr: stderr === 'pipe' ? pipes.add() : stderr,
    }
    const stopped = more !== undefined && hold.expects(more)
    const { pid, step, error, execMs, signal } = await order(native, request, { ...to, stopped })
    if (step !== '') return failed({ step, error }, request)
    if (more !== undefined) hold.started({ signal }, more, stopped)
    const streams = pipes.streams()
    return {
      pid,
      execMs,
      stdout: stdout === 'pipe' ? (streams.shift() ?? null) : null,
      stderr: stderr === 'pipe' ? (streams.shift() ?? null) : null,
      signal,
    }
  } finally {
    pipes.close()
  }
}

interface Made extends Omit<NativeStart, 'execAgoMs'>, Pick<StartedChild, 'execMs' | 'signal'> {}

/** Settles after the exec, or when it has failed. */
function order(
  native: NativeSpawn,
  request: StartRequest,
  { stdout, stderr, stopped }: { stdout: number; stderr: number; stopped: boolean },
): Promise<Made> {
  const { plan, directory, guardian } = request
  /** Another start could get the number of an end that is not told, and name it to the guardian first. */
  const refuseIfOwed = (): void => {
    if (guardian.owed > 0) native.refuseWaiting()
  }
  return new Promise((resolve) => {
    let pid = -1
    let ended = false
    native.start(
      candidates(plan),
      plan.command,
      Object.entries(plan.environment).map(([name, value]) => `${name}=${value}`),
      directory,
      plan.stdin === 'pipe' ? HELD_PIPE : NULL_DEVICE,
      stdout,
      stderr,
      guardian.fd,
      stopped,
      (made, step, error, execAgoMs) => {
        pid = made
        const execMs = performance.timeOrigin + performance.now() - execAgoMs
        // Its number is another's as soon as this returns.
        if (step === 'execve' || step === 'epoll_ctl') {
          guardian.ended(pid)
          refuseIfOwed()
        }
        const signal = (name: NodeJS.Signals): void => {
          if (!ended) process.kill(pid, name)
        }
        resolve({ pid, step, error, execMs, signal })
      },
      (code, signal) => {
        ended = true
        request.onExit(pid, code < 0 ? null : code, signalNames.get(signal) ?? null)
        refuseIfOwed()
      },
    )
  })
}

/** @returns null when the start is to be tried again */
function failed(
  { step, error }: Pick<NativeStart, 'step' | 'error'>,
  { plan, directory }: StartRequest,
): null {
  const code = getSystemErrorName(error)
  const [program = ''] = plan.command
  if (step === 'guardian' && code === 'EAGAIN') return null
  if (step === 'execve') throw cantStart(program, code)
  const path = step === 'chdir' ? directory : program
  const what = step === 'chdir' ? `folder ${directory} can't be entered` : `${step} failed for it`
  throw new SpawnError(`${program} can't be started: ${what}: ${code}`, {
    code,
    syscall: step,
    path,
  })
}
