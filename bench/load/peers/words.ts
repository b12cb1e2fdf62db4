/** What workers, drivers and submit clients of Spark 4.3.0 say to one master: templates with holes (template.ts). */
import { DRIVER_STATES, type RpcAddress } from '../../../src/spark/messages.js'
import { captured, sampled } from './golden.js'
import { type FrameTemplate, setField, templateOf, type TemplateSource } from './template.js'

const WORKER_LINK = 'a-worker-register-heartbeat'
const DRIVER_LINK = 'b-client-app'
const SUBMIT_LINK = 'd-cluster-submit'
const RECOVERY_LINK = 'h-recovery'
/** Which of a capture's ExecutorStateChanged, by its length. */
const RUNNING_BYTES = 928
const KILLED_BYTES = 1095
/** Which DriverStateChanged: without an exception. */
const ENDED_BYTES = 903

/** Where an endpoint reference has the address of its owner. */
function reference(field: string): Readonly<Record<string, 'host' | 'port' | 'ref'>> {
  return {
    [`${field}.endpointAddress.rpcAddress.host`]: 'host',
    [`${field}.endpointAddress.rpcAddress.port`]: 'port',
    [`${field}.endpointAddress.toString`]: 'ref',
  }
}

/** Of processes that listen, which are all that are played here. */
class Speaker {
  readonly #master: RpcAddress

  constructor(master: RpcAddress) {
    this.#master = master
  }

  lookUp(): FrameTemplate<'host' | 'port'> {
    const stream = captured(WORKER_LINK, 'CheckExistence')
    return this.#say({ stream, isAsk: true, endpoint: 'endpoint-verifier' })
  }

  tell<Names extends string = never>(
    stream: Uint8Array,
    holes?: Readonly<Record<string, Names>>,
    change?: TemplateSource['change'],
  ): FrameTemplate<Names | 'host' | 'port'> {
    return this.#say({ stream, isAsk: false, endpoint: 'Master', ...given(holes, change) })
  }

  ask<Names extends string = never>(
    stream: Uint8Array,
    holes?: Readonly<Record<string, Names>>,
    change?: TemplateSource['change'],
  ): FrameTemplate<Names | 'host' | 'port'> {
    return this.#say({ stream, isAsk: true, endpoint: 'Master', ...given(holes, change) })
  }

  #say<Names extends string>(
    source: TemplateSource<Names>,
  ): FrameTemplate<Names | 'host' | 'port'> {
    return templateOf(source, this.#master)
  }
}

function given<Names extends string>(
  holes: Readonly<Record<string, Names>> | undefined,
  change: TemplateSource['change'] | undefined,
) {
  return { ...(holes === undefined ? {} : { holes }), ...(change === undefined ? {} : { change }) }
}

type RegistrationHole =
  | 'host'
  | 'port'
  | 'ref'
  | 'id'
  | 'webUiUrl'
  | 'cores'
  | 'memory'
  | 'masterHost'
  | 'masterPort'

const REGISTRATION_HOLES: Readonly<Record<string, RegistrationHole>> = {
  ...reference('worker'),
  host: 'host',
  port: 'port',
  id: 'id',
  workerWebUiUrl: 'webUiUrl',
  cores: 'cores',
  memory: 'memory',
  'masterAddress.host': 'masterHost',
  'masterAddress.port': 'masterPort',
}

const HEARTBEAT_HOLES: Readonly<Record<string, 'host' | 'port' | 'ref' | 'id'>> = {
  ...reference('worker'),
  workerId: 'id',
}

const EXECUTOR_HOLES = { appId: 'appId', execId: 'execId' } as const

export function workerWords(master: RpcAddress) {
  const speaker = new Speaker(master)
  const changed = (bytes: number) => captured(WORKER_LINK, 'ExecutorStateChanged', bytes)
  return {
    lookUp: speaker.lookUp(),
    register: speaker.tell(captured(WORKER_LINK, 'RegisterWorker'), REGISTRATION_HOLES),
    latestState: speaker.tell(captured(WORKER_LINK, 'WorkerLatestState'), { id: 'id' }),
    heartbeat: speaker.tell(captured(WORKER_LINK, 'Heartbeat'), HEARTBEAT_HOLES),
    executorRunning: speaker.ask(changed(RUNNING_BYTES), EXECUTOR_HOLES),
    executorKilled: speaker.ask(changed(KILLED_BYTES), {
      ...EXECUTOR_HOLES,
      'message.value': 'message',
    }),
    driverFinished: speaker.tell(
      captured(SUBMIT_LINK, 'DriverStateChanged', ENDED_BYTES),
      { driverId: 'driverId' },
      (root) => setField(root, 'state.i', DRIVER_STATES.indexOf('FINISHED')),
    ),
  }
}

export type WorkerWords = ReturnType<typeof workerWords>

/** One executor of an application, and how many cores it takes in all. */
export interface Demand {
  readonly executorCores: number
  readonly executorMemoryMb: number
  readonly maxCores: number
}

/** The requests of a driver's ResourceProfile: cores, memory and offHeap, in a map of three. */
const REQUEST =
  'appDescription.defaultProfile.executorResources.scala$collection$immutable$Map$Map3$$value'

const APPLICATION_HOLES: Readonly<Record<string, 'host' | 'port' | 'ref' | 'name'>> = {
  ...reference('driver'),
  'appDescription.name': 'name',
}

export function driverWords(master: RpcAddress, demand: Demand) {
  const speaker = new Speaker(master)
  return {
    lookUp: speaker.lookUp(),
    register: speaker.tell(
      captured(DRIVER_LINK, 'RegisterApplication'),
      APPLICATION_HOLES,
      (root) => {
        setField(root, `${REQUEST}1.amount`, BigInt(demand.executorCores))
        setField(root, `${REQUEST}2.amount`, BigInt(demand.executorMemoryMb))
        setField(root, 'appDescription.maxCores.value.value', demand.maxCores)
      },
    ),
    unregister: speaker.tell(captured(DRIVER_LINK, 'UnregisterApplication'), { appId: 'appId' }),
    acknowledge: speaker.tell(captured(RECOVERY_LINK, 'MasterChangeAcknowledged'), {
      appId: 'appId',
    }),
  }
}

export type DriverWords = ReturnType<typeof driverWords>

/** Of a driver in cluster mode. */
export interface DriverDemand {
  readonly cores: number
  readonly memoryMb: number
}

export function clientWords(master: RpcAddress, { cores, memoryMb }: DriverDemand) {
  const speaker = new Speaker(master)
  return {
    submit: speaker.ask(captured(SUBMIT_LINK, 'RequestSubmitDriver'), {}, (root) => {
      setField(root, 'driverDescription.cores', cores)
      setField(root, 'driverDescription.mem', memoryMb)
    }),
    /** Answered by the master without a look at its cluster. */
    boundPorts: speaker.ask(sampled('msg/BoundPortsRequest')),
    /** Answered in the master's order of events: what was sent before on a connection has taken effect. */
    readyz: speaker.ask(sampled('msg/RequestReadyz')),
  }
}

export type ClientWords = ReturnType<typeof clientWords>
