/** Spark processes that an earlier leader knew, as its records have them: where a new leader finds them (M18). */
import { ByteBuffer } from 'flatbuffers'

import { executorRuntimeOf, SPARK_VERSIONS } from '../control/runtimes.js'
import {
  ApplicationDescription,
  ApplicationRecord,
  Record,
  Value,
  WorkerRecord,
} from '../schema/magneto.js'
import type { Logger } from '../log/logger.js'
import type { RpcAddress, SparkVersion } from './messages.js'

export interface RecoveredPeer {
  readonly kind: 'worker' | 'application'
  readonly id: string
  readonly address: RpcAddress
  /** Of its RpcEndpointRef. */
  readonly endpoint: string
  readonly version: SparkVersion
}

/** @param records finished store Records; those of nobody that can be called are logged */
export function recoveredPeers(records: readonly Uint8Array[], log: Logger): RecoveredPeer[] {
  const peers: RecoveredPeer[] = []
  const unread: string[] = []
  for (const bytes of records) {
    try {
      peers.push(recoveredPeer(bytes))
    } catch (error) {
      unread.push((error as Error).message)
    }
  }
  if (unread.length > 0)
    log.error(`${unread.length} records name nobody that can be called: ${unread[0]}, ...`)
  return peers
}

/**
 * @param bytes a finished store Record that was verified when it was read
 * @throws Error when it is of nobody that can be called
 */
export function recoveredPeer(bytes: Uint8Array): RecoveredPeer {
  const record = Record.getRootAsRecord(new ByteBuffer(bytes))
  const type = record.valueType()
  if (type === Value.WorkerRecord) return workerOf(record.value(new WorkerRecord()))
  if (type === Value.ApplicationRecord) return applicationOf(record.value(new ApplicationRecord()))
  throw new Error(`${record.key()} is of no worker and of no application`)
}

function workerOf(record: WorkerRecord): RecoveredPeer {
  const registration = record.registration()!
  const runtimes = Array.from({ length: registration.runtimesLength() }, (_, index) =>
    registration.runtimes(index),
  )
  const id = registration.workerId()!
  return {
    kind: 'worker',
    id,
    address: { host: registration.host()!, port: registration.port() },
    endpoint: endpointOf(registration.endpoint(), id),
    version: versionIn(runtimes, id),
  }
}

function applicationOf(record: ApplicationRecord): RecoveredPeer {
  const id = record.appId()!
  const application = ApplicationDescription.getRootAsApplicationDescription(
    new ByteBuffer(record.applicationArray()!),
  )
  return {
    kind: 'application',
    id,
    address: addressIn(record.driverAddress() ?? '', id),
    endpoint: endpointOf(record.endpoint(), id),
    version: versionIn([application.runtime()!], id),
  }
}

function endpointOf(name: string | null, id: string): string {
  if (name !== null && name !== '') return name
  throw new Error(`${id} has no endpoint of Spark RPC`)
}

function versionIn(runtimes: readonly string[], id: string): SparkVersion {
  const version = SPARK_VERSIONS.find((one) => runtimes.includes(executorRuntimeOf(one)))
  if (version !== undefined) return version
  throw new Error(`${id} is of no Spark that is served: ${runtimes.join(', ')}`)
}

/** @param hostPort an IPv6 host is in brackets */
function addressIn(hostPort: string, id: string): RpcAddress {
  const match = /^(.+):(\d{1,5})$/.exec(hostPort)
  if (match !== null) return { host: match[1]!, port: Number(match[2]) }
  throw new Error(`${id} listens nowhere: its driver's address is ${JSON.stringify(hostPort)}`)
}
