/**
 * A ZooKeeper client of one session: connects to one server of the ensemble after the other, keeps the session alive, and
 * says what was lost. Whether the session is over only a server can tell.
 */
import { Buffer } from 'node:buffer'
import { randomInt } from 'node:crypto'
import { type Socket, connect } from 'node:net'

import * as jute from './jute.js'
import {
  type CreateMode,
  ErrorCode,
  type NodeData,
  type Operation,
  type SessionEvents,
  type SessionState,
  type ZooKeeperSession,
  ZooKeeperError,
} from './session.js'

/** After each server was tried once. */
const NEXT_ROUND_AFTER_MS = 200
/** A server that takes longer than this to answer anything, or to let us in, is left for another. */
const MAX_SILENCE_MS = 1_250
const MIN_CONNECT_MS = 400
const MAX_LATE_MS = 100
const CLOSE_WITHIN_MS = 1_000
/** Longer answers are no answers; its own limit is 1 MiB where nobody raised it. */
const MAX_FRAME_BYTES = 64 * 2 ** 20
/** Requests without an answer; more would be a loop gone wild. */
const MAX_PENDING = 100_000
const DEFAULT_PORT = 2181

interface Pending {
  readonly xid: number
  readonly about: string
  readonly sentMs: number
  readonly answered: (reader: jute.Reader) => void
  readonly failed: (error: Error) => void
}

export interface ServerAddress {
  readonly host: string
  readonly port: number
}

export interface ConnectString {
  readonly servers: readonly ServerAddress[]
  /** What goes before every path; empty: nothing. */
  readonly chroot: string
}

/**
 * @param url such as h1:2181,h2:2181/folder; IPv6 in brackets
 * @throws TypeError when it is none
 */
export function parseConnectString(url: string): ConnectString {
  const slash = url.indexOf('/')
  const chroot = (slash < 0 ? '' : url.slice(slash)).replace(/\/+$/, '')
  const parts = (slash < 0 ? url : url.slice(0, slash)).split(',').map((part) => part.trim())
  const servers = parts.map((part) => {
    const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(part) ?? []
    const host = bracketed ?? plain
    const port = digits === undefined ? DEFAULT_PORT : Number(digits)
    if (host === undefined || port < 1 || port > 65_535)
      throw new TypeError(`"${part}" of "${url}" is no server of ZooKeeper: expected host:port`)
    return { host, port }
  })
  return { servers, chroot }
}

export class ZooKeeperClient implements ZooKeeperSession {
  readonly #servers: ServerAddress[]
  readonly #chroot: string
  readonly #wantedMs: number
  readonly #events: SessionEvents
  #state: SessionState = 'connecting'
  #trouble = ''
  #timeoutMs = 0
  #identity = { id: 0n, password: new Uint8Array(16) as Uint8Array }
  #lastZxid = 0n
  #nextServer = 0
  #socket: Socket | null = null
  #received: Buffer = Buffer.alloc(0)
  #heardMs = 0
  #pingSentMs = 0
  #watch: NodeJS.Timeout | null = null
  #retry: NodeJS.Timeout | null = null
  #xid = 0
  #corked = false
  /** In the order of their answers. */
  #pending: Pending[] = []
  #answered = 0

  /** Starts to connect. */
  constructor(ensemble: ConnectString, timeoutMs: number, events: SessionEvents) {
    this.#servers = shuffled(ensemble.servers)
    this.#chroot = ensemble.chroot
    this.#wantedMs = timeoutMs
    this.#events = events
    this.#connect()
  }

  get state(): SessionState {
    return this.#state
  }

  get timeoutMs(): number {
    return this.#timeoutMs
  }

  get trouble(): string {
    return this.#trouble
  }

  async create(path: string, data: Uint8Array, mode: CreateMode): Promise<string> {
    const full = this.#full(path)
    const created = await this.#request(
      `create ${path}`,
      (xid) => jute.createRequest(xid, full, data, mode),
      (reader) => reader.text(),
    )
    return created.slice(this.#chroot.length)
  }

  async get(path: string): Promise<NodeData | null> {
    return orNull(
      this.#request(
        `get ${path}`,
        (xid) => jute.readRequest(xid, jute.Opcode.GET_DATA, this.#full(path)),
        (reader) => ({ data: reader.buffer(), stat: reader.stat() }),
      ),
    )
  }

  async children(path: string): Promise<string[] | null> {
    return orNull(
      this.#request(
        `children of ${path}`,
        (xid) => jute.readRequest(xid, jute.Opcode.GET_CHILDREN, this.#full(path)),
        (reader) => Array.from({ length: Math.max(0, reader.int()) }, () => reader.text()),
      ),
    )
  }

  async remove(path: string): Promise<void> {
    await this.#request(
      `delete ${path}`,
      (xid) => jute.deleteRequest(xid, this.#full(path)),
      () => {},
    )
  }

  async multi(operations: readonly Operation[]): Promise<number[]> {
    const full = operations.map((operation) => ({
      ...operation,
      path: this.#full(operation.path),
    }))
    return this.#request(
      `a transaction of ${operations.length}`,
      (xid) => jute.multiRequest(xid, full),
      (reader) => jute.multiAnswer(reader, operations),
    )
  }

  async close(): Promise<void> {
    if (this.#state === 'connected') {
      const told = this.#request('close', jute.closeRequest, () => {}).catch(() => {})
      let cut: NodeJS.Timeout | undefined
      const late = new Promise<void>((done) => (cut = setTimeout(done, CLOSE_WITHIN_MS)))
      await Promise.race([told, late])
      clearTimeout(cut)
    }
    this.#end('closed', 'closed by us')
  }

  #full(path: string): string {
    return `${this.#chroot}${path}`
  }

  #request<T>(
    about: string,
    encode: (xid: number) => Buffer,
    decode: (reader: jute.Reader) => T,
  ): Promise<T> {
    if (this.#state !== 'connected' || this.#socket === null) {
      const code = this.#state === 'expired' ? ErrorCode.SESSION_EXPIRED : ErrorCode.CONNECTION_LOSS
      return Promise.reject(new ZooKeeperError(code, `${about}: ${this.#trouble}`))
    }
    if (this.#pending.length - this.#answered >= MAX_PENDING)
      return Promise.reject(new ZooKeeperError(ErrorCode.CONNECTION_LOSS, `${about}: too many`))
    this.#xid = (this.#xid + 1) & 0x7fffffff
    const xid = this.#xid
    const frame = encode(xid)
    return new Promise((resolve, reject) => {
      const answered = (reader: jute.Reader) => {
        try {
          resolve(decode(reader))
        } catch (error) {
          reject(error)
        }
      }
      this.#pending.push({ xid, about, sentMs: performance.now(), answered, failed: reject })
      this.#write(frame)
    })
  }

  /** Frames of one turn leave together. */
  #write(frame: Buffer): void {
    const socket = this.#socket
    if (socket === null) return
    if (!this.#corked) {
      this.#corked = true
      socket.cork()
      process.nextTick(() => {
        this.#corked = false
        socket.uncork()
      })
    }
    socket.write(frame)
  }

  #connect(): void {
    this.#retry = null
    const server = this.#servers[this.#nextServer % this.#servers.length] as ServerAddress
    this.#nextServer += 1
    this.#received = Buffer.alloc(0)
    const socket = connect({ host: server.host, port: server.port, noDelay: true })
    this.#socket = socket
    this.#corked = false
    let wrong = ''
    const patienceMs = Math.max(
      MIN_CONNECT_MS,
      Math.min(MAX_SILENCE_MS, (this.#timeoutMs || this.#wantedMs) / this.#servers.length),
    )
    let slow: NodeJS.Timeout | null = null
    // Of a timer that comes late the process was halted: what the server has answered meanwhile is not read yet.
    const wait = (): void => {
      const sinceMs = performance.now()
      slow = setTimeout(() => {
        if (performance.now() - sinceMs > patienceMs + MAX_LATE_MS) return wait()
        wrong = `no answer within ${patienceMs} ms`
        socket.destroy()
      }, patienceMs)
    }
    wait()
    const open = (): void => {
      if (slow !== null) clearTimeout(slow)
      slow = null
    }
    socket.on('connect', () =>
      socket.write(jute.connectRequest(this.#identity, this.#lastZxid, this.#wantedMs)),
    )
    socket.on('data', (chunk) => {
      if (this.#socket !== socket) return
      try {
        this.#data(chunk, open)
      } catch (error) {
        wrong = `its answer makes no sense: ${(error as Error).message}`
        socket.destroy()
      }
    })
    socket.on('error', (error) => (wrong = error.message))
    socket.on('close', () => {
      open()
      if (this.#socket === socket)
        this.#lost(`${server.host}:${server.port}: ${wrong || 'it closed the connection'}`)
    })
  }

  #lost(reason: string): void {
    this.#disconnect()
    if (this.#state === 'expired' || this.#state === 'closed') return
    this.#trouble = reason
    this.#fail(ErrorCode.CONNECTION_LOSS, reason)
    const roundOver = this.#nextServer % this.#servers.length === 0
    this.#retry = setTimeout(() => this.#connect(), roundOver ? NEXT_ROUND_AFTER_MS : 0)
    this.#become('connecting')
  }

  #data(chunk: Buffer, open: () => void): void {
    this.#heardMs = performance.now()
    const bytes = this.#received.byteLength === 0 ? chunk : Buffer.concat([this.#received, chunk])
    let at = 0
    while (at + 4 <= bytes.byteLength && this.#socket !== null) {
      const length = bytes.readInt32BE(at)
      if (length < 0 || length > MAX_FRAME_BYTES) throw new RangeError(`a frame of ${length} bytes`)
      if (at + 4 + length > bytes.byteLength) break
      const reader = new jute.Reader(bytes.subarray(at + 4, at + 4 + length))
      at += 4 + length
      if (this.#state === 'connected') this.#answer(reader)
      else {
        open()
        this.#welcomed(jute.connectAnswer(reader))
      }
    }
    this.#received = bytes.subarray(at)
  }

  #welcomed(answer: jute.ConnectAnswer): void {
    if (answer.timeoutMs <= 0) {
      this.#end('expired', 'the session expired')
      return
    }
    this.#identity = { id: answer.id, password: answer.password }
    this.#timeoutMs = answer.timeoutMs
    this.#trouble = ''
    this.#pingSentMs = performance.now()
    const everyMs = Math.max(20, Math.min(answer.timeoutMs / 12, 250))
    this.#watch = setInterval(() => this.#watchSilence(), everyMs)
    this.#become('connected')
  }

  #answer(reader: jute.Reader): void {
    const xid = reader.int()
    const zxid = reader.long()
    const error = reader.int()
    if (zxid > this.#lastZxid) this.#lastZxid = zxid
    if (xid === jute.Xid.PING || xid === jute.Xid.NOTIFICATION) return
    const pending = this.#pending[this.#answered]
    if (pending?.xid !== xid) throw new Error(`an answer to ${xid} where ${pending?.xid} is due`)
    this.#answered += 1
    // Shifting one by one would cost the square of what was asked for at once.
    if (this.#answered === this.#pending.length || this.#answered >= 1024) {
      this.#pending.splice(0, this.#answered)
      this.#answered = 0
    }
    if (error === 0) pending.answered(reader)
    else pending.failed(new ZooKeeperError(error, pending.about))
    if (error === ErrorCode.SESSION_EXPIRED) this.#end('expired', 'the session expired')
    else if (error === ErrorCode.SESSION_MOVED) this.#socket?.destroy()
  }

  /** A timer that comes late, since the process was halted, must not take the silence of then for the server's. */
  #watchSilence(): void {
    const nowMs = performance.now()
    const waiting = this.#pending[this.#answered]
    const thirdMs = this.#timeoutMs / 3
    if (waiting !== undefined) {
      const patienceMs = Math.min(MAX_SILENCE_MS, thirdMs * 2)
      if (nowMs - Math.max(waiting.sentMs, this.#heardMs) > patienceMs) this.#silent()
    } else if (nowMs - this.#heardMs > thirdMs * 2) this.#silent()
    if (nowMs - Math.max(this.#heardMs, this.#pingSentMs) < thirdMs) return
    this.#pingSentMs = nowMs
    this.#write(jute.pingRequest())
  }

  /** What has arrived in the meantime is read before the connection is given up. */
  #silent(): void {
    const socket = this.#socket
    const heardMs = this.#heardMs
    setImmediate(() => {
      setImmediate(() => {
        if (this.#socket === socket && this.#heardMs === heardMs)
          socket?.destroy(new Error('nothing is heard of it'))
      })
    })
  }

  #disconnect(): void {
    if (this.#watch !== null) clearInterval(this.#watch)
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#watch = null
    this.#retry = null
    const socket = this.#socket
    this.#socket = null
    socket?.destroy()
  }

  #end(state: 'expired' | 'closed', reason: string): void {
    if (this.#state === 'expired' || this.#state === 'closed') return
    this.#trouble = reason
    this.#disconnect()
    this.#become(state)
    this.#fail(state === 'expired' ? ErrorCode.SESSION_EXPIRED : ErrorCode.CONNECTION_LOSS, reason)
  }

  #fail(code: number, reason: string): void {
    const failed = this.#pending.slice(this.#answered)
    this.#pending = []
    this.#answered = 0
    for (const pending of failed)
      pending.failed(new ZooKeeperError(code, `${pending.about}: ${reason}`))
  }

  #become(state: SessionState): void {
    if (this.#state === state) return
    this.#state = state
    setImmediate(() => this.#events.onState(state))
  }
}

async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof ZooKeeperError && error.code === ErrorCode.NO_NODE) return null
    throw error
  }
}

/** So that not all clients ask the first server. */
function shuffled<T>(list: readonly T[]): T[] {
  const left = [...list]
  const taken: T[] = []
  while (left.length > 0) taken.push(...left.splice(randomInt(left.length), 1))
  return taken
}
