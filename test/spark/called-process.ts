/** Spark processes whom a new leader calls (M18): their port, and the records that name them. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { Builder } from 'flatbuffers'

import * as control from '../../src/schema/magneto.js'
import {
  encodeOneWay,
  encodeRpcRequest,
  FrameDecoder,
  FrameType,
  type Frame,
} from '../../src/spark/frame.js'
import { decodeMessage, type SparkVersion } from '../../src/spark/messages.js'
import { decodeRequest, encodeRequestHeader } from '../../src/spark/rpc-request.js'
import { ownAddress } from '../own-address.js'
import { Queue } from './gateway-harness.js'
import { someApplication } from './scripted-core.js'

/** A worker or driver as far as its port goes. */
export class SparkProcess {
  static readonly host = ownAddress()
  readonly calls = new Queue<Called>()
  readonly #server: Server
  #sockets: Socket[] = []
  port = 0

  constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.push(socket)
      this.calls.add(new Called(socket))
    })
  }

  static async start(port = 0): Promise<SparkProcess> {
    const started = new SparkProcess()
    await new Promise<void>((resolve) => {
      started.#server.listen(port, SparkProcess.host, resolve)
    })
    started.port = (started.#server.address() as AddressInfo).port
    return started
  }

  get address(): string {
    return `${SparkProcess.host}:${this.port}`
  }

  stop(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}

export class Called {
  readonly frames = new Queue<Frame>()
  readonly closed: Promise<void>
  isClosed = false

  constructor(readonly socket: Socket) {
    const decoder = new FrameDecoder()
    socket.on('data', (chunk) => decoder.push(chunk, (frame) => this.frames.add(frame)))
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.isClosed = true
        resolve()
      })
    })
  }

  /** A message of the master: to which endpoint, as what, its Java stream and its sender. */
  async next() {
    const frame = await this.frames.next()
    if (frame.type !== FrameType.ONE_WAY)
      throw new Error(`a frame of type ${FrameType[frame.type]}`)
    const { header, stream } = decodeRequest(frame.body)
    return { ...header, stream: Buffer.from(stream), kind: kindOf(stream) }
  }

  say(stream: Uint8Array): void {
    this.socket.write(encodeOneWay(TO_MASTER, stream))
  }

  ask(stream: Uint8Array): void {
    this.socket.write(encodeRpcRequest(7n, TO_MASTER, stream))
  }
}

/** As peers address it. */
export const TO_MASTER = encodeRequestHeader({
  sender: { host: '127.0.0.1', port: 27300 },
  receiver: { host: '127.0.0.1', port: 27077 },
  endpoint: 'Master',
})

/** The class of a message, without its package. */
export function kindOf(stream: Uint8Array): string {
  const message = decodeMessage(stream)
  const name = message.kind === 'Unknown' ? message.className : message.kind
  return name.replace(/^.*\$(?=.)/, '').replace('$', '')
}

export function finished(record: control.RecordT): Uint8Array {
  const builder = new Builder()
  builder.finish(record.pack(builder), 'MGS1')
  return builder.asUint8Array().slice()
}

export function workerRecord(id: string, port: number, version: SparkVersion = '4.3'): Uint8Array {
  const runtimes = [`spark-${version}`, `spark-${version}-driver`]
  const registration = new control.RegisterWorkerT(
    id,
    SparkProcess.host,
    port,
    4,
    2048,
    '',
    [],
    runtimes,
  )
  registration.endpoint = 'Worker'
  const value = new control.WorkerRecordT(registration)
  return finished(new control.RecordT(`worker_${id}`, 1, control.Value.WorkerRecord, value))
}

export function applicationRecord(
  id: string,
  driverAddress: string,
  application = someApplication,
): Uint8Array {
  const value = new control.ApplicationRecordT(id, application, driverAddress)
  value.endpoint = 'AppClient'
  return finished(new control.RecordT(`app_${id}`, 1, control.Value.ApplicationRecord, value))
}
