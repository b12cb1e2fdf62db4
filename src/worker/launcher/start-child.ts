/** What the two ways of starting a child have in common: `start-native.ts`, and `start-shell.ts` where that can't be. */
import type { Readable } from 'node:stream'

import type { ProcessPlan } from '../command-line.js'
import type { GuardianLines } from '../guardian-lines.js'

export interface StartRequest {
  plan: ProcessPlan
  directory: string
  /** A descriptor of this process, or a pipe that this thread reads. */
  stdout: number | 'pipe'
  stderr: number | 'pipe'
  /** Of this thread. */
  guardian: GuardianLines
  /** Whether others are about to start in this process. */
  more?: () => boolean
  /** Gives up a start that a guardian holds back, because it does not read. */
  cancel?: AbortSignal
  /** Called once. Whoever can, sees to it that the process's number is nobody else's until it returns. */
  onExit(pid: number, code: number | null, signal: NodeJS.Signals | null): void
}

export interface StartedChild {
  readonly pid: number
  /** ms since the epoch: as near to the exec as can be told. */
  readonly execMs: number
  /** Where pipes were asked for. */
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  /** Nothing happens to a process that has ended. */
  signal(name: NodeJS.Signals): void
}

/** @throws SpawnError when the process can't be started; none is left behind then */
export type StartChild = (request: StartRequest) => StartedChild | Promise<StartedChild>

/** As Node's own: `code` is ENOENT, EACCES and so on; `syscall` starts with "spawn" when the program is to blame. */
export class SpawnError extends Error {
  override readonly name = 'SpawnError'
  readonly code: string
  readonly syscall: string
  /** The program, or what else is to blame. */
  readonly path: string

  constructor(message: string, from: { code: string; syscall: string; path: string }) {
    super(message)
    this.code = from.code
    this.syscall = from.syscall
    this.path = from.path
  }
}

/** Where execvp looks when no PATH is set. */
const USUAL_PATH = '/usr/local/bin:/bin:/usr/bin'

/** @returns where a program may be, tried in turn; relative ones are meant from the folder it runs in */
export function candidates({ command, environment }: ProcessPlan): string[] {
  const [program = ''] = command
  if (program === '' || program.includes('/')) return [program]
  const folders = (environment['PATH'] ?? USUAL_PATH).split(':')
  return folders.map((folder) => `${folder === '' ? '.' : folder}/${program}`)
}

/** @param code of the last try that said something: EACCES counts more than ENOENT */
export function cantStart(program: string, code: string): SpawnError {
  const from = { code, syscall: `spawn ${program}`, path: program }
  return new SpawnError(`${program} can't be started: ${reasonOf(code)}`, from)
}

function reasonOf(code: string): string {
  switch (code) {
    case 'ENOENT':
      return 'there is no such program (ENOENT)'
    case 'EACCES':
      return 'it is a folder, or may not be executed (EACCES)'
    case 'E2BIG':
      return 'its arguments and environment are too long for this system (E2BIG)'
    default:
      return code
  }
}
