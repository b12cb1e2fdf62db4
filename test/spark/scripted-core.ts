/** A core that says what Apache's Master said in a capture, as control messages. */
import { encodeApplication, encodeDriver, type BodyT } from '../../src/control/codec.js'
import {
  ApplicationFinishedT,
  ApplicationRegisteredT,
  ApplicationDescriptionT,
  Command,
  DecommissionWorkerT,
  DriverDescriptionT,
  DriverStatusResponseT,
  ExecutorAddedT,
  ExecutorUpdatedT,
  JvmCommandT,
  KillDriverT,
  KillExecutorT,
  LaunchDriverT,
  LaunchExecutorT,
  MasterInStandbyT,
  RegisterWorkerFailedT,
  ReplyT,
  ResourceProfileT,
  ResourceT,
  WorkerRegisteredT,
} from '../../src/schema/magneto.js'
import type { CapturedFrame } from './gateway-harness.js'
import { resources } from './same-message.js'

/** What the capture's own JSON says of a message; every caller knows which. */
interface Fields {
  appId: string
  cores: number
  driverId: string | { Some: string } | null
  duplicate: boolean
  exception: { Some: { detailMessage: string | null } } | null
  execId: number
  exitStatus: { Some: number } | null
  found: boolean
  hostPort: string
  id: string & number
  masterUrl: string
  masterWebUiUrl: string
  memory: number
  message: string & ({ Some: string } | null)
  resources: unknown
  rpId: number
  state: { i: number } & ({ Some: { i: number } } | null)
  success: boolean
  workerHost: { Some: string } | null
  workerHostPort: { Some: string } | null
  workerId: string & ({ Some: string } | null)
}

/** What the core has heard and gives away again. */
export interface Descriptions {
  /** RegisterApplication.spark_description */
  application: Uint8Array
  /** RequestSubmitDriver.description, the oldest first */
  readonly drivers: Uint8Array[]
  /** DriverStateChanged.exception, the last one */
  exception: string | null
}

export const someApplication = encodeApplication(
  new ApplicationDescriptionT(
    'app',
    'user',
    '',
    null,
    null,
    new ResourceProfileT(0, 1, 512),
    Command.JvmCommand,
    new JvmCommandT('Main'),
    'spark-4.3',
  ),
)

/** @param sparkDescription absent: nobody of Spark submitted it */
export function someDriver(sparkDescription?: Uint8Array): Uint8Array {
  const driver = new DriverDescriptionT('file:/app.jar', 512, 1, false, new JvmCommandT('Main'))
  driver.runtimes = ['spark-4.3-driver']
  if (sparkDescription !== undefined) driver.sparkDescription = sparkDescription
  return encodeDriver(driver)
}

function resourcesOf(fields: Fields): ResourceT[] {
  return resources(fields.resources).map(({ name, addresses }) => new ResourceT(name, addresses))
}

/** The control message that makes the gateway send a captured one-way message of the Master. */
export function bodyOf(frame: CapturedFrame, heard: Descriptions): BodyT {
  const fields = frame.fields as unknown as Fields
  switch (frame.msg) {
    case 'RegisteredWorker':
      return new WorkerRegisteredT('', fields.masterWebUiUrl, fields.duplicate, 60_000)
    case 'RegisterWorkerFailed':
      return new RegisterWorkerFailedT(fields.message)
    case 'MasterInStandby':
      return new MasterInStandbyT()
    case 'LaunchExecutor':
      return new LaunchExecutorT(
        fields.masterUrl,
        fields.appId,
        fields.execId,
        fields.rpId,
        fields.cores,
        fields.memory,
        resourcesOf(fields),
        someApplication,
        heard.application,
      )
    case 'KillExecutor':
      return new KillExecutorT(fields.masterUrl, fields.appId, fields.execId)
    case 'ApplicationFinished':
      return new ApplicationFinishedT(fields.id)
    case 'LaunchDriver':
      return new LaunchDriverT(
        fields.driverId as string,
        heard.drivers.shift(),
        resourcesOf(fields),
      )
    case 'KillDriver':
      return new KillDriverT(fields.driverId as string)
    case 'DecommissionWorker':
      return new DecommissionWorkerT()
    case 'RegisteredApplication':
      return new ApplicationRegisteredT(fields.appId, '')
    case 'ExecutorAdded': {
      const [host, port] = fields.hostPort.split(':')
      const { id, workerId, cores, memory } = fields
      return new ExecutorAddedT(id, workerId, host, Number(port), cores, memory)
    }
    case 'ExecutorUpdated':
      return new ExecutorUpdatedT(
        fields.id,
        fields.state.i,
        fields.message?.Some ?? null,
        fields.exitStatus?.Some ?? null,
        fields.workerHost?.Some ?? null,
      )
    default:
      throw new Error(`no control message for ${frame.msg}`)
  }
}

/** The core's answer that makes the gateway send a captured reply of the Master. */
export function answerOf(frame: CapturedFrame, requestId: number, heard: Descriptions): BodyT {
  const fields = frame.fields as unknown as Fields
  switch (frame.msg) {
    case 'SubmitDriverResponse': {
      const id = (fields.driverId as { Some: string } | null)?.Some ?? null
      return new ReplyT(requestId, fields.success, fields.message, id)
    }
    case 'KillDriverResponse':
      return new ReplyT(requestId, fields.success, fields.message)
    case 'DriverStatusResponse': {
      const text = fields.exception?.Some.detailMessage ?? heard.exception
      return new DriverStatusResponseT(
        requestId,
        fields.found,
        fields.state?.Some.i ?? 0,
        fields.workerId?.Some ?? null,
        fields.workerHostPort?.Some ?? null,
        fields.exception === null ? null : text,
      )
    }
    default:
      if (typeof frame.value === 'boolean') return new ReplyT(requestId, frame.value)
      throw new Error(`no answer for ${frame.msg ?? String(frame.value)}`)
  }
}
