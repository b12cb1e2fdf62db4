/** What workers, drivers and submit clients of Spark 4.3.0 say to one master: templates with holes (template.ts). */
import type { JavaObject } from '../../../src/spark/java/tree.js'
import { objectOf } from '../../../src/spark/java/values.js'
import type { RpcAddress } from '../../../src/spark/messages.js'
import { captured, sampled } from './golden.js'
import { setField, templateOf } from './template.js'

const WORKER_LINK = 'a-worker-register-heartbeat'
const DRIVER_LINK = 'b-client-app'
const SUBMIT_LINK = 'd-cluster-submit'
const RECOVERY_LINK = 'h-recovery'

/** Where a reference has its owner's address. */
function reference<Name extends string>(field: string) {
  return {
    [`${field}.endpointAddress.rpcAddress.host`]: 'host',
    [`${field}.endpointAddress.rpcAddress.port`]: 'port',
    [`${field}.endpointAddress.toString`]: 'ref',
  } as Readonly<Record<string, Name | 'host' | 'port' | 'ref'>>
}

/** One executor of an application, and how many cores it takes in all. */
export interface Demand {
  readonly executorCores: number
  readonly executorMemoryMb: number
  readonly maxCores: number
}

/** The requests in a ResourceProfile that a driver of Spark 4.3.0 wrote, by their place in its map of three. */
const MAP3 = 'appDescription.defaultProfile.executorResources.scala$collection$immutable$Map$Map3$$'

function wants(root: JavaObject, { executorCores, executorMemoryMb, maxCores }: Demand): void {
  setField(root, `${MAP3}value1.amount`, BigInt(executorCores))
  setField(root, `${MAP3}value2.amount`, BigInt(executorMemoryMb))
  setField(root, 'appDescription.maxCores.value.value', maxCores)
}

export function workerWords(master: RpcAddress) {
  const of = { isAsk: false, endpoint: 'Master' }
  return {
    lookUp: templateOf(
      {
        stream: captured(WORKER_LINK, 'CheckExistence'),
        isAsk: true,
        endpoint: 'endpoint-verifier',
      },
      master,
      true,
    ),
    register: templateOf(
      {
        ...of,
        stream: captured(WORKER_LINK, 'RegisterWorker'),
        holes: {
          ...reference<'id' | 'webUiUrl' | 'cores' | 'memory' | 'masterHost' | 'masterPort'>(
            'worker',
          ),
          host: 'host',
          port: 'port',
          id: 'id',
          workerWebUiUrl: 'webUiUrl',
          cores: 'cores',
          memory: 'memory',
          'masterAddress.host': 'masterHost',
          'masterAddress.port': 'masterPort',
        },
      },
      master,
      true,
    ),
    latestState: templateOf(
      { ...of, stream: captured(WORKER_LINK, 'WorkerLatestState'), holes: { id: 'id' } },
      master,
      true,
    ),
    heartbeat: templateOf(
      {
        ...of,
        stream: captured(WORKER_LINK, 'Heartbeat'),
        holes: { ...reference<'id'>('worker'), workerId: 'id' },
      },
      master,
      true,
    ),
    executorRunning: templateOf(
      {
        stream: captured(WORKER_LINK, 'ExecutorStateChanged', 928),
        holes: { appId: 'appId', execId: 'execId' },
        isAsk: true,
        endpoint: 'Master',
      },
      master,
      true,
    ),
    executorKilled: templateOf(
      {
        stream: captured(WORKER_LINK, 'ExecutorStateChanged', 1095),
        holes: { appId: 'appId', execId: 'execId', 'message.value': 'message' },
        isAsk: true,
        endpoint: 'Master',
      },
      master,
      true,
    ),
    driverEnded: templateOf(
      {
        ...of,
        stream: captured(SUBMIT_LINK, 'DriverStateChanged', 903),
        holes: { driverId: 'driverId', 'state.i': 'state' },
      },
      master,
      true,
    ),
  }
}

export type WorkerWords = ReturnType<typeof workerWords>

export function driverWords(master: RpcAddress, demand: Demand) {
  return {
    lookUp: templateOf(
      {
        stream: captured(DRIVER_LINK, 'CheckExistence'),
        isAsk: true,
        endpoint: 'endpoint-verifier',
      },
      master,
      true,
    ),
    register: templateOf(
      {
        stream: captured(DRIVER_LINK, 'RegisterApplication'),
        holes: { ...reference<'name'>('driver'), 'appDescription.name': 'name' },
        change: (root) => wants(root, demand),
        isAsk: false,
        endpoint: 'Master',
      },
      master,
      true,
    ),
    unregister: templateOf(
      {
        stream: captured(DRIVER_LINK, 'UnregisterApplication'),
        holes: { appId: 'appId' },
        isAsk: false,
        endpoint: 'Master',
      },
      master,
      true,
    ),
    acknowledge: templateOf(
      {
        stream: captured(RECOVERY_LINK, 'MasterChangeAcknowledged'),
        holes: { appId: 'appId' },
        isAsk: false,
        endpoint: 'Master',
      },
      master,
      true,
    ),
  }
}

export type DriverWords = ReturnType<typeof driverWords>

export interface DriverDemand {
  readonly cores: number
  readonly memoryMb: number
}

export function clientWords(master: RpcAddress, { cores, memoryMb }: DriverDemand) {
  return {
    submit: templateOf(
      {
        stream: captured(SUBMIT_LINK, 'RequestSubmitDriver'),
        change: (root) => {
          const description = objectOf(root.data[0]!.values[0]!)
          setField(description, 'cores', cores)
          setField(description, 'mem', memoryMb)
        },
        isAsk: true,
        endpoint: 'Master',
      },
      master,
      true,
    ),
    /** Answered by the master without a look at its cluster. */
    boundPorts: templateOf(
      { stream: sampled('msg/BoundPortsRequest'), isAsk: true, endpoint: 'Master' },
      master,
      true,
    ),
    /** Answered in the master's order of events: what was sent before on a connection has taken effect. */
    readyz: templateOf(
      { stream: sampled('msg/RequestReadyz'), isAsk: true, endpoint: 'Master' },
      master,
      true,
    ),
  }
}

export type ClientWords = ReturnType<typeof clientWords>
