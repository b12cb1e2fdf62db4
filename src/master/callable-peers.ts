/**
 * The peers that a new leader, or a new gateway thread, has to call, because they wait for that and do not come by
 * themselves (spec M18): workers and applications whose records have an `endpoint`. As many as the core knows.
 */
import { ByteBuffer } from 'flatbuffers'
import {
  ApplicationRecord,
  Record as StoreRecord,
  RegisterWorker,
  Value,
  WorkerRecord,
} from '../schema/magneto.js'
import type { StoreChange } from '../store/engine.js'

export class CallablePeers {
  readonly #records = new Map<string, Uint8Array>()
  // Read for every change that is written: made once.
  readonly #record = new StoreRecord()
  readonly #worker = new WorkerRecord()
  readonly #registration = new RegisterWorker()
  readonly #application = new ApplicationRecord()

  /** @param change of a record that has passed its check, or that the core has written */
  note({ key, record }: StoreChange): void {
    if (!key.startsWith('worker_') && !key.startsWith('app_')) return
    // The caller's bytes may be part of a batch many times their size.
    if (record !== null && this.#isCallable(record)) this.#records.set(key, record.slice())
    else this.#records.delete(key)
  }

  records(): Uint8Array[] {
    return [...this.#records.values()]
  }

  #isCallable(bytes: Uint8Array): boolean {
    const record = StoreRecord.getRootAsRecord(new ByteBuffer(bytes), this.#record)
    switch (record.valueType()) {
      case Value.WorkerRecord: {
        const worker = record.value(this.#worker) as WorkerRecord
        return isSaid(worker.registration(this.#registration)?.endpoint())
      }
      case Value.ApplicationRecord:
        return isSaid((record.value(this.#application) as ApplicationRecord).endpoint())
      default:
        return false
    }
  }
}

function isSaid(text: string | null | undefined): boolean {
  return text !== null && text !== undefined && text !== ''
}
