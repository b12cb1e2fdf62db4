/**
 * One pool of two executors under measurement, in a process of its own: it reads one line of JSON for each work and
 * answers with one line, so that all peers, whatever their language, do the same and are alone while they do it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

import { processesUnder } from '../../test/e2e/cluster.js'

export const EXECUTORS = 2

/** A start, or one work, takes no longer. */
const PATIENCE_MS = 600_000

/** From the end of its input to its exit. */
const LEAVE_MS = 20_000

const TICKS_PER_SECOND = 100

export type Work =
  | { work: 'tiny'; count: number }
  | { work: 'waiting'; count: number; ms: number }
  | { work: 'roundTrips'; count: number }

export interface Done {
  seconds: number
  /** Of all processes together, user and system. */
  cpuSeconds: number
  latenciesMs: number[]
}

/** @returns CPU seconds by pid (proc(5)) of what runs with that mark in its environment */
function cpuSeconds(mark: string): Map<number, number> {
  const found = new Map<number, number>()
  for (const pid of processesUnder(mark).keys()) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
      found.set(pid, (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND)
    } catch {
      // It ended while we looked.
    }
  }
  return found
}

export class Peer {
  readonly #child: ChildProcess
  readonly #mark: string
  readonly #answers: AsyncIterator<string>
  #stderr = ''

  private constructor(command: readonly string[], mark: string, env: NodeJS.ProcessEnv) {
    this.#mark = mark
    const [file, ...args] = command
    this.#child = spawn(file!, [...args, String(EXECUTORS)], {
      env: { ...process.env, ...env, MAGNETO_E2E: mark },
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: import.meta.dirname,
    })
    this.#child.stdin!.on('error', () => {})
    this.#child.stderr!.on('data', (text) => {
      this.#stderr = (this.#stderr + String(text)).slice(-4000)
    })
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
  }

  /** @param mark what all processes of it, and no others, have as MAGNETO_E2E in their environment */
  static async start(
    command: readonly string[],
    mark: string,
    env: NodeJS.ProcessEnv = {},
  ): Promise<Peer> {
    const peer = new Peer(command, mark, env)
    try {
      await peer.#answer()
    } catch (error) {
      await peer.stop()
      throw error
    }
    return peer
  }

  async run(work: Work): Promise<Done> {
    const before = cpuSeconds(this.#mark)
    this.#child.stdin!.write(`${JSON.stringify(work)}\n`)
    const { seconds, latenciesMs = [] } = await this.#answer()
    let used = 0
    for (const [pid, after] of cpuSeconds(this.#mark)) used += after - (before.get(pid) ?? 0)
    return { seconds, cpuSeconds: used, latenciesMs }
  }

  /** Ends it and whatever it started. */
  async stop(): Promise<void> {
    const gone = this.#child.exitCode === null ? once(this.#child, 'exit') : null
    this.#child.stdin!.end()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), LEAVE_MS)
    await gone
    clearTimeout(timer)
  }

  async #answer(): Promise<{ seconds: number; latenciesMs?: number[] }> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE_MS)
    try {
      for (;;) {
        const { value, done } = await this.#answers.next()
        if (done === true) throw new Error(`the peer ended without an answer: ${this.#stderr}`)
        if (value.startsWith('RESULT ')) return JSON.parse(value.slice('RESULT '.length))
      }
    } finally {
      clearTimeout(timer)
    }
  }
}
