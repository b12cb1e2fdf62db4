/** A gateway on a real socket, with the core's side of the batches and captured streams at hand. */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

import { decode, encode, type BodyT } from '../../src/control/codec.js'
import { BatchWriter, InboxKind, OutboxKind, records } from '../../src/control/records.js'
import { createLogger, type Logger } from '../../src/log/logger.js'
import { FrameDecoder, type Frame } from '../../src/spark/frame.js'
import { ReplyT, type RequestReadyzT } from '../../src/schema/magneto.js'
import { Gateway, OWN_PEER, type GatewayOptions } from '../../src/spark/gateway.js'
import type { Dial } from '../../src/spark/master-calls.js'
import { RpcServer, type RpcServerOptions } from '../../src/spark/rpc-server.js'

/** One frame between real Spark processes. */
export interface CapturedFrame {
  readonly connection: string
  readonly direction: 'c2s' | 's2c'
  readonly type: string
  readonly endpoint?: string
  readonly msg?: string
  readonly replyTo?: string
  readonly reqId?: string
  readonly value?: unknown
  readonly error?: string
  readonly fields?: Record<string, unknown>
  readonly bytes: Buffer
}

/** @param name of test/fixtures/wire/frames-NAME.jsonl.gz */
export function captured(name: string, connection = ''): CapturedFrame[] {
  const path = join(import.meta.dirname, '..', 'fixtures', 'wire', `frames-${name}.jsonl.gz`)
  return gunzipSync(readFileSync(path))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as CapturedFrame & { hex: string })
    .map((frame) => Object.assign(frame, { bytes: Buffer.from(frame.hex, 'hex') }))
    .filter((frame) => frame.connection.startsWith(connection))
}

/** Things that come one after the other, to be awaited one after the other. */
export class Queue<T> {
  readonly #items: T[] = []
  #wake: (() => void) | null = null

  get size(): number {
    return this.#items.length
  }

  add(item: T): void {
    this.#items.push(item)
    this.#wake?.()
  }

  async next(): Promise<T> {
    while (this.#items.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#items.shift()!
  }
}

export class LogLines {
  readonly lines: string[] = []
  readonly logger: Logger = createLogger('test', {
    format: 'json',
    level: 'debug',
    destination: { write: (line) => this.#add(line) },
  })
  readonly #queue = new Queue<string>()

  /** The next line, from the last awaited one on, that has `text` in it. */
  async until(text: string): Promise<string> {
    for (;;) {
      const line = await this.#queue.next()
      if (line.includes(text)) return line
    }
  }

  #add(line: string): void {
    const { msg, error } = JSON.parse(line) as { msg: string; error?: { stack: string } }
    if (error !== undefined) this.lines.push(error.stack)
    this.lines.push(msg)
    this.#queue.add(msg)
  }
}

/** A Spark process as far as its socket goes. */
export class Peer {
  readonly frames = new Queue<Frame>()
  readonly socket: Socket
  readonly closed: Promise<void>
  readonly #received: Buffer[] = []

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true })
    const decoder = new FrameDecoder()
    this.socket.on('data', (chunk) => {
      this.#received.push(Buffer.from(chunk))
      decoder.push(chunk, (frame) => this.frames.add(frame))
    })
    this.socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => resolve())
    })
  }

  get received(): Buffer {
    return Buffer.concat(this.#received)
  }

  /** Writes in pieces that reach the other side one by one, as far as TCP lets them. */
  async write(bytes: Buffer, cuts: readonly number[] = []): Promise<void> {
    const edges = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length]
    for (let index = 1; index < edges.length; index++) {
      const piece = bytes.subarray(edges[index - 1], edges[index])
      await new Promise<void>((resolve) => {
        this.socket.write(piece, () => resolve())
      })
    }
  }
}

export interface CoreRecord {
  readonly kind: InboxKind
  readonly session: number
  readonly text: string
  readonly body: BodyT | null
}

const messageKinds = new Set<number>([InboxKind.MESSAGE])

export const MASTER_URL = 'spark://127.0.0.1:27077'
export const WEB_UI_URL = 'http://127.0.0.1:27080'
export const REST_PORT = 26066

export interface HarnessOptions {
  readonly ready?: boolean
  readonly masterUrl?: string
  /** Absent: that of the server. */
  readonly dial?: Dial
  readonly gateway?: Partial<Omit<GatewayOptions, 'dial'>> | undefined
}

export class GatewayHarness {
  readonly log = new LogLines()
  readonly gateway: Gateway
  /** What the core got. */
  readonly inbox = new Queue<CoreRecord>()
  /** The core answers the gateway when that asks whether it still leads; false: it is suspended. */
  isCertain = true
  ownAsks = 0
  #own = 0
  /** How many batches brought it. */
  batches = 0
  readonly server: RpcServer
  port = 0

  private constructor(
    options: Partial<RpcServerOptions>,
    gateway: HarnessOptions['gateway'],
    dial?: Dial,
  ) {
    this.gateway = new Gateway({
      log: this.log.logger,
      dial: dial ?? ((address, dialling) => this.server.dial(address, dialling)),
      ...gateway,
      post: (batch) => this.#onBatch(batch),
    })
    this.server = new RpcServer({
      host: '127.0.0.1',
      port: 0,
      maxRetries: 0,
      log: this.log.logger,
      endpoints: new Map([['Master', this.gateway]]),
      onClosed: (connection, reason) => this.gateway.connectionClosed(connection, reason),
      ...options,
    })
  }

  static async start(
    options: Partial<RpcServerOptions> & HarnessOptions = {},
  ): Promise<GatewayHarness> {
    const { ready = true, masterUrl = MASTER_URL, gateway, dial, ...rest } = options
    const harness = new GatewayHarness(rest, gateway, dial)
    harness.port = await harness.server.listen()
    if (ready) harness.gateway.ready(masterUrl, WEB_UI_URL, REST_PORT)
    return harness
  }

  connect(): Peer {
    return new Peer(this.port)
  }

  /** As the core: one batch with these messages. */
  send(session: number, ...bodies: BodyT[]): void {
    const writer = new BatchWriter()
    for (const body of bodies) writer.add(OutboxKind.SEND, session, encode(body))
    this.gateway.handle(writer.take())
  }

  close(session: number, reason: string): void {
    const writer = new BatchWriter()
    writer.add(OutboxKind.CLOSE, session, reason)
    this.gateway.handle(writer.take())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close()
  }

  #answerOwn(session: number, { requestId }: RequestReadyzT): void {
    this.ownAsks++
    if (this.isCertain) setImmediate(() => this.send(session, new ReplyT(requestId, false)))
  }

  #onBatch(batch: Uint8Array): void {
    this.batches++
    for (const { kind, session, payload } of records(batch.slice())) {
      const isMessage = messageKinds.has(kind)
      if (!isMessage && new TextDecoder().decode(payload) === OWN_PEER) this.#own = session
      if (session === this.#own) {
        if (isMessage) this.#answerOwn(session, decode(payload) as RequestReadyzT)
        continue
      }
      this.inbox.add({
        kind,
        session,
        text: isMessage ? '' : new TextDecoder().decode(payload),
        body: isMessage ? decode(payload) : null,
      })
    }
  }
}
