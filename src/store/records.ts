/**
 * The check of records that come back from a store, before anything of them is trusted (spec Y10): a record that can't
 * be read, that stands under another's key or that a newer release wrote is set aside with its reason. It never stops
 * the start, and nothing of it is lost: it stays in the store under another key.
 */
import { ByteBuffer } from 'flatbuffers'
import { verifyIdentified } from '../control/verify.js'
import {
  ApplicationRecord,
  CompletedApplicationRecord,
  CompletedDriverRecord,
  DriverRecord,
  Record as StoreRecord,
  TargetsRecord,
  Value,
  WorkerRecord,
} from '../schema/magneto.js'
import { StoreError, type StoreChange, type StoredRecord } from './engine.js'
import { record as recordShape, recordHead } from './shapes.js'

/** Of the meaning of records, as this release writes them (schemas/store.fbs). */
export const RECORD_VERSION = 1
export const DAMAGED_PREFIX = 'damaged_'
/** Records that were set aside and are kept; the oldest go. */
export const MAX_DAMAGED_RECORDS = 100

const IDENTIFIER = 'MGS1'

/** How records of earlier releases are taken up. */
export interface Migration {
  /** What records are brought to. */
  readonly version: number
  /** By the version it starts from: a step to the next one. @returns a finished Record */
  readonly steps: ReadonlyMap<number, (record: Uint8Array) => Uint8Array>
}

/** Version 1 is the first. */
const MIGRATION: Migration = { version: RECORD_VERSION, steps: new Map() }

export interface DamagedRecord extends StoredRecord {
  readonly reason: string
}

export interface CheckedRecords {
  /** Of this release's version, in the order they came. */
  readonly good: readonly StoredRecord[]
  readonly damaged: readonly DamagedRecord[]
}

/** Splits what a store holds into what the core may have and what is set aside. */
export function checkRecords(
  records: readonly StoredRecord[],
  migration: Migration = MIGRATION,
): CheckedRecords {
  const good: StoredRecord[] = []
  const damaged: DamagedRecord[] = []
  for (const { key, record } of records) {
    try {
      good.push({ key, record: checked(key, record, migration) })
    } catch (error) {
      damaged.push({ key, record, reason: (error as Error).message })
    }
  }
  return { good, damaged }
}

/**
 * @returns what moves the records out of the way: each is forgotten under its own key, and the last
 *   MAX_DAMAGED_RECORDS of them are kept under another
 */
export function setAside(damaged: readonly StoredRecord[]): StoreChange[] {
  const firstKept = damaged.length - MAX_DAMAGED_RECORDS
  return damaged.flatMap(({ key, record }, index) => {
    const forget = { key, record: null }
    return index < firstKept ? [forget] : [{ key: DAMAGED_PREFIX + key, record }, forget]
  })
}

export interface SeparatedRecords {
  readonly live: readonly StoredRecord[]
  /** Forgets what was set aside beyond the last MAX_DAMAGED_RECORDS. */
  readonly prune: readonly StoreChange[]
}

/** @param records oldest first, as a store gives them when it is opened */
export function separateDamaged(records: readonly StoredRecord[]): SeparatedRecords {
  const live: StoredRecord[] = []
  const aside: string[] = []
  for (const record of records) {
    if (record.key.startsWith(DAMAGED_PREFIX)) aside.push(record.key)
    else live.push(record)
  }
  const beyond = Math.max(0, aside.length - MAX_DAMAGED_RECORDS)
  return { live, prune: aside.slice(0, beyond).map((key) => ({ key, record: null })) }
}

/** @returns the record in this release's version @throws Error saying what is wrong with it */
function checked(key: string, found: Uint8Array, { version, steps }: Migration): Uint8Array {
  let bytes = found
  verifyIdentified(bytes, 'store record', IDENTIFIER, recordHead)
  for (let at = versionOf(bytes); at !== version; at = versionOf(bytes)) {
    if (at > version) {
      throw new StoreError(
        `a newer release wrote it: its version is ${at}, this release reads up to ${version}`,
      )
    }
    const step = steps.get(at)
    if (step === undefined) throw new StoreError(`nothing is known of its version ${at}`)
    bytes = step(bytes)
    verifyIdentified(bytes, 'store record', IDENTIFIER, recordHead)
  }
  verifyIdentified(bytes, 'store record', IDENTIFIER, recordShape)
  const record = StoreRecord.getRootAsRecord(new ByteBuffer(bytes))
  const own = record.key()
  if (own !== key) throw new StoreError(`it says that its key is ${JSON.stringify(own)}`)
  const meant = keyOfValue(record)
  if (meant !== key) throw new StoreError(`what it holds belongs under ${JSON.stringify(meant)}`)
  return bytes
}

function versionOf(bytes: Uint8Array): number {
  return StoreRecord.getRootAsRecord(new ByteBuffer(bytes)).version()
}

/** The key that the value of a verified record belongs under (schemas/store.fbs). */
function keyOfValue(record: StoreRecord): string {
  switch (record.valueType()) {
    case Value.WorkerRecord:
      return `worker_${(record.value(new WorkerRecord()) as WorkerRecord).registration()!.workerId()}`
    case Value.ApplicationRecord:
      return `app_${(record.value(new ApplicationRecord()) as ApplicationRecord).appId()}`
    case Value.DriverRecord:
      return `driver_${(record.value(new DriverRecord()) as DriverRecord).driverId()}`
    case Value.TargetsRecord:
      return `targets_${(record.value(new TargetsRecord()) as TargetsRecord).appId()}`
    case Value.CountersRecord:
      return 'counters'
    case Value.CompletedApplicationRecord:
      return `completed_app_${(record.value(new CompletedApplicationRecord()) as CompletedApplicationRecord).appId()}`
    case Value.CompletedDriverRecord:
      return `completed_driver_${(record.value(new CompletedDriverRecord()) as CompletedDriverRecord).driverId()}`
    default:
      throw new StoreError('it holds nothing')
  }
}
