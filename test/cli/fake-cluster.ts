/** A master and its workers as far as HTTP shows them, on one port, and a client command run against them. */
import { EventEmitter } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ClientCommand } from '../../src/cli/commands.js'
import { runClient } from '../../src/cli/client/run-client.js'
import type { Terminal } from '../../src/cli/terminal.js'

export interface Seen {
  readonly method: string
  readonly path: string
  readonly body: string
  readonly headers: IncomingMessage['headers']
}

/** What a path is answered with: JSON, bytes, or nothing at all, whether the connection goes or stays. */
export type Played =
  | { status?: number; json?: unknown; text?: string | Buffer }
  | 'hang up'
  | 'say nothing'
export type Play = (seen: Seen) => Played

export class FakeCluster {
  readonly seen: Seen[] = []
  readonly #server: Server
  port = 0
  /** By the beginning of the path; the longest one counts. */
  readonly plays = new Map<string, Play>()

  constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => {
        const { method = '', url: path = '', headers } = request
        const seen = { method, path, headers, body: Buffer.concat(parts).toString() }
        this.seen.push(seen)
        const played = this.#played(seen)
        if (played === 'say nothing') return
        if (played === 'hang up') {
          request.socket.destroy()
          return
        }
        response.statusCode = played.status ?? 200
        response.end(played.text ?? JSON.stringify(played.json))
      })
    })
    this.play('/control', () => ({ json: { protocol: 1, webUiUrl: this.url } }))
  }

  async start(): Promise<this> {
    await new Promise<void>((done) => {
      this.#server.listen(0, '127.0.0.1', done)
    })
    this.port = (this.#server.address() as AddressInfo).port
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((done) => {
      this.#server.close(() => done())
    })
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  play(path: string, play: Play): this {
    this.plays.set(path, play)
    return this
  }

  /** States of the driver, one a look; the last one stays. */
  driver(...states: (Record<string, unknown> | Played)[]): this {
    return this.play('/v1/submissions/status/', () => {
      const next = states.length > 1 ? states.shift()! : states[0]!
      if (typeof next === 'string' || 'json' in next || 'status' in next) return next
      return { json: { action: 'SubmissionStatusResponse', success: true, ...next } }
    })
  }

  state(change: object = {}): this {
    const empty = { status: 'ALIVE', workers: [], activedrivers: [], completeddrivers: [] }
    return this.play('/json/', () => ({ json: { ...empty, ...change } }))
  }

  #played(seen: Seen): Played {
    const found = [...this.plays.keys()]
      .filter((path) => seen.path.startsWith(path))
      .toSorted((left, right) => right.length - left.length)[0]
    return found === undefined
      ? { status: 404, text: 'nothing here' }
      : this.plays.get(found)!(seen)
  }
}

/** One output of a driver or an executor, as a worker's `/log` gives it. */
export function logOf(text: () => string): Play {
  return ({ path }) => {
    const parameters = new URL(path, 'http://x').searchParams
    const all = Buffer.from(text())
    const length = Number(parameters.get('byteLength'))
    const offset = Number(parameters.get('offset') ?? all.length - length)
    const end = Math.min(offset + length, all.length)
    const head = `==== Bytes ${offset}-${end} of ${all.length} of /spark/driver-1/stdout ====\n`
    return { text: Buffer.concat([Buffer.from(head), all.subarray(offset, end)]) }
  }
}

export interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
  /** Both, in their order. */
  readonly printed: string
  /** How often it waited for its next look. */
  readonly looks: number
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** Absent: stdout is none. */
  readonly terminal?: Terminal
  /** At each wait; may send signals. */
  readonly onPause?: (signals: EventEmitter, looks: number) => void
}

export async function runAgainst(
  master: string | null,
  command: ClientCommand,
  argv: readonly string[],
  { env = {}, cwd = '/', terminal, onPause }: RunOptions = {},
): Promise<Ran> {
  const signals = new EventEmitter()
  const streams = { stdout: '', stderr: '' }
  let printed = ''
  const print = (stream: keyof typeof streams) => (bytes: string | Uint8Array) => {
    streams[stream] += Buffer.from(bytes).toString()
    printed += Buffer.from(bytes).toString()
  }
  let looks = 0
  const status = await runClient(command, argv, {
    env: master === null ? env : { MAGNETO_MASTER: `spark://${master}`, ...env },
    cwd,
    signals,
    exit: (code) => {
      throw new Error(`exit ${code}`)
    },
    stdout: print('stdout'),
    stderr: print('stderr'),
    ...(terminal === undefined ? {} : { terminal: () => terminal }),
    pause: async () => {
      looks += 1
      if (looks > 100) throw new Error('it waits without end')
      onPause?.(signals, looks)
    },
  })
  return { ...streams, printed, status, looks }
}
