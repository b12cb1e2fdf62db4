/** Drives a core through the addon: messages in, what it sent out as objects. */
import { Builder, ByteBuffer } from 'flatbuffers'
import { encode, encodeApplication } from '../../src/control/codec.js'
import { createMasterCore, type MasterCore } from '../../src/core/native.js'
import {
  BatchWriter,
  InboxKind,
  OutboxKind,
  records,
  sessionOf,
  SessionSource,
} from '../../src/control/records.js'
import { Body, ClusterView, CoreConfigT } from '../../src/schema/magneto.js'
import * as schema from '../../src/schema/magneto.js'

export interface Effect {
  readonly kind: string
  readonly session: number
  readonly argument: number
  /** The name of the body of a SEND; empty for others. */
  readonly type: string
  readonly payload: Uint8Array
}

export const startMs = Date.UTC(2026, 0, 24, 10, 30, 5)

export function configBytes(changes: Partial<CoreConfigT> = {}): Uint8Array {
  const config = Object.assign(new CoreConfigT(), { masterUrl: 'spark://master:7077' }, changes)
  const builder = new Builder()
  builder.finish(config.pack(builder))
  return builder.asUint8Array()
}

export function registerWorker(id = 'worker-1', cores = 4, memoryMb = 4096): Uint8Array {
  const body = new schema.RegisterWorkerT(id, 'host-1', 7001, cores, memoryMb)
  body.runtimes = ['node']
  return encode(body)
}

export function registerApplication(name = 'pi', driverAddress = 'driver:1'): Uint8Array {
  const description = new schema.ApplicationDescriptionT()
  description.name = name
  description.runtime = 'node'
  description.defaultProfile = new schema.ResourceProfileT(0, 2, 1024)
  description.commandType = schema.Command.NodeCommand
  description.command = new schema.NodeCommandT('/pi.js')
  return encode(new schema.RegisterApplicationT(encodeApplication(description), driverAddress))
}

export class Driver {
  readonly core: MasterCore
  nowMs = startMs

  constructor(config: Partial<CoreConfigT> = {}) {
    this.core = createMasterCore(configBytes(config))
  }

  step(write: (inbox: BatchWriter) => void): Effect[] {
    const inbox = new BatchWriter()
    write(inbox)
    const outbox = this.core.step(this.nowMs, 0, inbox.view())
    this.core.check()
    return [...records(outbox)].map((record) => ({
      kind: OutboxKind[record.kind] ?? 'unknown',
      session: record.session,
      argument: record.argument,
      type: OutboxKind[record.kind] === 'SEND' ? typeOf(record.payload) : '',
      payload: record.payload,
    }))
  }

  connect(counter: number): number {
    const session = sessionOf(SessionSource.CONTROL, counter)
    this.step((inbox) => inbox.add(InboxKind.CONNECTED, session, `10.0.0.${counter}:4000`))
    return session
  }

  message(session: number, payload: Uint8Array): Effect[] {
    return this.step((inbox) => inbox.add(InboxKind.MESSAGE, session, payload))
  }

  view(): ClusterView {
    return ClusterView.getRootAsClusterView(new ByteBuffer(this.core.view(this.nowMs)))
  }
}

function typeOf(payload: Uint8Array): string {
  const message = schema.Message.getRootAsMessage(new ByteBuffer(payload))
  return Body[message.bodyType()] ?? 'unknown'
}
