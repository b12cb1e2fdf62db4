/** Starts a child by the addon: no shell between, and this thread stands still no longer than the child takes to its exec. */
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
      const started = request.guardian.owed > 0 ? null : startOnce(native, request)
      if (started !== null) {
        if (request.more !== undefined) hold.started(started, request.more)
        return started
      }
      await new Promise((again) => setTimeout(again, RETRY_MS))
      request.cancel?.throwIfAborted()
    }
  }
}

/** @returns null when the guardian does not read: no child runs unguarded */
function startOnce(native: NativeSpawn, request: StartRequest): StartedChild | null {
  const { plan, directory, guardian } = request
  const pipes = new Pipes(native)
  let pid = -1
  let ended = false
  const onEnd = (code: number, signal: number): void => {
    ended = true
    request.onExit(pid, code < 0 ? null : code, signalNames.get(signal) ?? null)
  }
  try {
    const start = native.start(
      candidates(plan),
      plan.command,
      Object.entries(plan.environment).map(([name, value]) => `${name}=${value}`),
      directory,
      plan.stdin === 'pipe' ? HELD_PIPE : NULL_DEVICE,
      request.stdout === 'pipe' ? pipes.add() : request.stdout,
      request.stderr === 'pipe' ? pipes.add() : request.stderr,
      guardian.fd,
      onEnd,
    )
    if (start.step !== '') return failed(start, request)
    pid = start.pid
    const execMs = performance.timeOrigin + performance.now() - start.execAgoMs
    const streams = pipes.streams()
    return {
      pid,
      execMs,
      stdout: request.stdout === 'pipe' ? (streams.shift() ?? null) : null,
      stderr: request.stderr === 'pipe' ? (streams.shift() ?? null) : null,
      signal: (name) => {
        if (!ended) process.kill(pid, name)
      },
    }
  } finally {
    pipes.close()
  }
}

/** @returns null when the start is to be tried again */
function failed(start: NativeStart, { plan, directory, guardian }: StartRequest): null {
  const { pid, step } = start
  const code = getSystemErrorName(start.error)
  const [program = ''] = plan.command
  if (step === 'guardian' && code === 'EAGAIN') return null
  if (step === 'execve') {
    guardian.ended(pid)
    throw cantStart(program, code)
  }
  const path = step === 'chdir' ? directory : program
  const what = step === 'chdir' ? `folder ${directory} can't be entered` : `${step} failed for it`
  throw new SpawnError(`${program} can't be started: ${what}: ${code}`, {
    code,
    syscall: step,
    path,
  })
}
