/** What the gateway of a new leader does: it calls those that its records say where to find (spec M18). */
import { ByteBuffer } from 'flatbuffers'
import type { Mandate } from '../../src/election/agent.js'
import {
  ApplicationRecordT,
  MasterChangedT,
  Record as StoreRecord,
  WorkerRecordT,
} from '../../src/schema/magneto.js'
import type { Chaos } from './chaos.js'
import type { SimulatedMaster } from './master.js'
import type { World } from './world.js'

const attempts = 5
const callMaxMs = 300
const pauseMs = 2_000

export type StoredValue = ReturnType<StoreRecord['unpack']>['value']

export function valueOf(record: Uint8Array): StoredValue {
  return StoreRecord.getRootAsRecord(new ByteBuffer(record)).unpack().value
}

export function keyOf(record: Uint8Array): string {
  return String(StoreRecord.getRootAsRecord(new ByteBuffer(record)).key())
}

/** Who is to be called, as whoever calls it finds it then. */
type Peer = { calledBy(master: SimulatedMaster, body: MasterChangedT): boolean } | undefined

export function callPeers(
  { clock, random }: World,
  chaos: Chaos,
  master: SimulatedMaster,
  { epoch, records }: Mandate,
): void {
  const call = (find: () => Peer, left: number): void => {
    const delayMs = left === attempts ? random.between(0, callMaxMs) : pauseMs
    clock.after(delayMs, () => {
      // Its gateway ends with it.
      if (master.epoch !== epoch || !master.leads) return
      const said = new MasterChangedT(master.masterUrl, 'http://m:8080', epoch)
      if (find()?.calledBy(master, said) !== true && left > 1) call(find, left - 1)
    })
  }
  for (const { record } of records) {
    const value = valueOf(record)
    if (value instanceof WorkerRecordT && typeof value.registration?.endpoint === 'string') {
      const { workerId } = value.registration
      call(() => chaos.hosts.find((host) => host.workerId === workerId), attempts)
    } else if (value instanceof ApplicationRecordT && value.endpoint !== null) {
      const { appId } = value
      call(() => chaos.applications.find(({ id }) => id === appId), attempts)
    }
  }
}
