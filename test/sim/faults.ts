/** Deliberate faults between the simulator and the real core, to show that the simulator notices. */
import { Builder, ByteBuffer } from 'flatbuffers'
import { decode, decodeDriver, encode, encodeDriver, type BodyT } from '../../src/control/codec.js'
import {
  BatchWriter,
  InboxKind,
  OutboxKind,
  records,
  type BatchRecord,
} from '../../src/control/records.js'
import { createMasterCore, type MasterCore } from '../../src/core/native.js'
import {
  Body,
  Changes,
  LaunchExecutorT,
  Message,
  Record as StoreRecord,
  RequestSubmitDriverT,
  type ChangesT,
  type DriverDescriptionT,
} from '../../src/schema/magneto.js'

type Rewrite = (record: BatchRecord, batch: BatchWriter) => void
export type MakeCore = (config: Uint8Array) => MasterCore

function same(record: BatchRecord, batch: BatchWriter): void {
  const { kind, session, payload, argument, attached } = record
  batch.add(kind, session, payload, argument, attached)
}

function rewritten(bytes: Uint8Array, rewrite: Rewrite): Uint8Array {
  const batch = new BatchWriter()
  for (const record of records(bytes)) rewrite(record, batch)
  return batch.take()
}

/** The real core but for some of what it does. */
function coreBut(otherwise: (core: MasterCore) => Partial<MasterCore>): MakeCore {
  return (config) => {
    const core = createMasterCore(config)
    return {
      view: (nowMs) => core.view(nowMs),
      changes: (nowMs, anew, mostBytes) => core.changes(nowMs, anew, mostBytes),
      explain: (request) => core.explain(request),
      check: () => core.check(),
      step: (nowMs, offset, inbox, onPart) => core.step(nowMs, offset, inbox, onPart),
      ...otherwise(core),
    }
  }
}

/** The real core but for how it takes a step. */
function coreStepping(stepOf: (core: MasterCore) => MasterCore['step']): MakeCore {
  return coreBut((core) => ({ step: stepOf(core) }))
}

/** A core that tells its reader something else of what has changed. */
export function coreTelling(change: (changes: ChangesT) => void): MakeCore {
  return coreBut((core) => ({
    changes: (nowMs, anew, mostBytes) => {
      const bytes = new ByteBuffer(core.changes(nowMs, anew, mostBytes))
      const changes = Changes.getRootAsChanges(bytes).unpack()
      change(changes)
      const builder = new Builder(1024)
      builder.finish(changes.pack(builder))
      return builder.asUint8Array().slice()
    },
  }))
}

/** A core that takes every reader for the one that it had before. */
export const forgetfulOfReaders: MakeCore = coreBut((core) => {
  let first = true
  return {
    changes: (nowMs, anew, mostBytes) => {
      const bytes = core.changes(nowMs, anew && first, mostBytes)
      first = false
      return bytes
    },
  }
})

/** A core that gets and gives other records than it should. */
export function coreWith(fault: { inbox?: Rewrite; outbox?: Rewrite }): MakeCore {
  const rewrite = (outbox: Uint8Array): Uint8Array => rewritten(outbox, fault.outbox ?? same)
  return coreStepping((core) => (nowMs, offset, inbox, onPart) => {
    const read = rewritten(inbox, fault.inbox ?? same)
    return rewrite(core.step(nowMs, offset, read, (part) => onPart?.(rewrite(part))))
  })
}

/** A core whose parts of a step come in another order: one is handed over after the next. */
export const shuffledParts: MakeCore = coreStepping((core) => (nowMs, offset, inbox, onPart) => {
  let late: Uint8Array | null = null
  const last = core.step(nowMs, offset, inbox, (part) => {
    if (late === null) {
      late = part
      return
    }
    onPart?.(part)
    onPart?.(late)
    late = null
  })
  if (late !== null) onPart?.(late)
  return last
})

export function typeOf({ kind, payload }: BatchRecord): Body {
  const isMessage = kind === (OutboxKind.SEND as number) || kind === (InboxKind.MESSAGE as number)
  if (!isMessage || payload.byteLength === 0) return Body.NONE
  try {
    return Message.getRootAsMessage(new ByteBuffer(payload)).bodyType()
  } catch {
    return Body.NONE
  }
}

/** Records of other kinds pass. */
export function without(kind: InboxKind): Rewrite {
  return (record, batch) => {
    if (record.kind !== (kind as number)) same(record, batch)
  }
}

/** Sends of this type are lost. */
export function withoutSends(type: Body, which: (body: BodyT) => boolean = () => true): Rewrite {
  return (record, batch) => {
    const hit = record.kind === (OutboxKind.SEND as number) && typeOf(record) === type
    if (!hit || !which(decode(record.payload))) same(record, batch)
  }
}

/** Messages of this type never reach the core. */
export function withoutMessages(type: Body): Rewrite {
  return (record, batch) => {
    if (record.kind !== (InboxKind.MESSAGE as number) || typeOf(record) !== type) {
      same(record, batch)
    }
  }
}

/** Sends of this type leave twice. */
export function doubled(type: Body, which: (body: BodyT) => boolean = () => true): Rewrite {
  return (record, batch) => {
    same(record, batch)
    if (record.kind !== (OutboxKind.SEND as number) || typeOf(record) !== type) return
    if (which(decode(record.payload))) same(record, batch)
  }
}

/** Sends of this type do not wait for the disk. */
export function hasty(type: Body): Rewrite {
  return (record, batch) => {
    const { kind, session, payload } = record
    if (kind === (OutboxKind.SEND as number) && typeOf(record) === type) {
      batch.add(kind, session, payload, 0, record.attached)
    } else same(record, batch)
  }
}

/** Every executor is given the first address of what it asked for. */
export const sameAddress: Rewrite = (record, batch) => {
  if (typeOf(record) !== Body.LaunchExecutor) return same(record, batch)
  const order = decode(record.payload) as LaunchExecutorT
  for (const resource of order.resources) {
    resource.addresses = resource.addresses.map(() => '0')
  }
  order.application = Uint8Array.from(order.application)
  order.sparkDescription = Uint8Array.from(order.sparkDescription)
  batch.add(record.kind, record.session, encode(order), record.argument, record.attached)
}

/** The core reads something else than what was submitted. */
export function misread(change: (description: DriverDescriptionT) => void): Rewrite {
  return (record, batch) => {
    if (typeOf(record) !== Body.RequestSubmitDriver) return same(record, batch)
    const { requestId, description } = decode(record.payload) as RequestSubmitDriverT
    const read = decodeDriver(Uint8Array.from(description))
    read.sparkDescription = Uint8Array.from(read.sparkDescription)
    change(read)
    const changed = encode(new RequestSubmitDriverT(requestId, encodeDriver(read)))
    batch.add(record.kind, record.session, changed, record.argument)
  }
}

/** Records of an earlier leader under keys that begin so are changed on their way into the core. */
export function recordsUnder<T extends object>(
  prefix: string,
  kind: new () => T,
  change: (value: T) => void,
): Rewrite {
  return (entry, batch) => {
    const read = recordUnder(entry, prefix)
    if (read === null) return same(entry, batch)
    const whole = read.unpack()
    if (whole.value instanceof kind) change(whole.value)
    const builder = new Builder(1024)
    builder.finish(whole.pack(builder), 'MGS1')
    batch.add(entry.kind, entry.session, builder.asUint8Array().slice(), entry.argument)
  }
}

/** They are lost on their way into the core. */
export function recordsLost(prefix: string): Rewrite {
  return (entry, batch) => {
    if (recordUnder(entry, prefix) === null) same(entry, batch)
  }
}

function recordUnder(entry: BatchRecord, prefix: string): StoreRecord | null {
  if (entry.kind !== (InboxKind.RECORD as number)) return null
  const read = StoreRecord.getRootAsRecord(new ByteBuffer(entry.payload))
  return read.key()?.startsWith(prefix) === true ? read : null
}

/** Launches have the description that another application had before. */
export function strayAttachments(): Rewrite {
  let last: Uint8Array | null = null
  return (record, batch) => {
    if (record.kind !== (OutboxKind.ATTACHMENT as number)) return same(record, batch)
    batch.add(record.kind, record.session, last ?? record.payload)
    last = record.payload.slice()
  }
}
