/** Writes down what our core said, in the words that Apache's Master gets too. */
import type { BodyT } from '../../src/control/codec.js'
import * as schema from '../../src/schema/magneto.js'
import { DRIVER_STATES, EXECUTOR_STATES } from '../../src/spark/messages.js'
import type { NamedAddresses } from './action.js'
import * as words from './words.js'
import type { Expected, Names } from './words.js'

function addresses(resources: readonly schema.ResourceT[]): NamedAddresses[] {
  return resources.map(({ name, addresses: units }) => ({
    name: String(name),
    addresses: units.map(String),
  }))
}

function toWorker(body: BodyT, names: Names): string | null {
  if (body instanceof schema.WorkerRegisteredT)
    return body.duplicate ? 'WorkerRegistered duplicate' : 'WorkerRegistered'
  if (body instanceof schema.RegisterWorkerFailedT) {
    // Behind the semicolon stands what to do about it, which Apache's Master does not say.
    return `RegisterWorkerFailed '${String(body.message).split('; ')[0]}'`
  }
  if (body instanceof schema.ReconnectWorkerT) return 'ReconnectWorker'
  if (body instanceof schema.LaunchExecutorT) {
    const { executorId, profileId, cores, memoryMb } = body
    const appId = String(body.appId)
    const resources = addresses(body.resources)
    return words.launchText(names, { appId, executorId, profileId, cores, memoryMb, resources })
  }
  if (body instanceof schema.KillExecutorT)
    return `KillExecutor ${names.nameOf(String(body.appId))}/${body.executorId}`
  if (body instanceof schema.ApplicationFinishedT)
    return `ApplicationFinished ${names.nameOf(String(body.appId))}`
  if (body instanceof schema.LaunchDriverT)
    return words.launchDriverText(names, String(body.driverId), addresses(body.resources))
  if (body instanceof schema.KillDriverT) return `KillDriver ${names.nameOf(String(body.driverId))}`
  if (body instanceof schema.DecommissionWorkerT) return 'DecommissionWorker'
  return null
}

function toDriver(body: BodyT, names: Names, { app }: Expected): string | null {
  if (body instanceof schema.ApplicationRegisteredT) {
    const id = String(body.appId)
    if (app !== null) names.give(app, id)
    return `ApplicationRegistered ${names.nameOf(id)}`
  }
  if (body instanceof schema.ExecutorAddedT) {
    const hostPort = `${body.host}:${body.port}`
    const { executorId, cores, memoryMb } = body
    return words.addedText(executorId, String(body.workerId), hostPort, cores, memoryMb)
  }
  if (body instanceof schema.ExecutorUpdatedT) {
    return words.updatedText(
      body.executorId,
      EXECUTOR_STATES[body.state],
      body.exitStatus,
      textOrNull(body.workerHost),
      textOrNull(body.message),
    )
  }
  if (body instanceof schema.WorkerRemovedT)
    return words.removedText(String(body.workerId), String(body.host))
  if (body instanceof schema.ApplicationRemovedT) return `ApplicationRemoved '${body.message}'`
  return null
}

function textOrNull(text: string | Uint8Array | null): string | null {
  return text === null ? null : String(text)
}

/** As much of it as the asker's Spark message has room for. */
function replyText(body: schema.ReplyT, names: Names, { driver, reply }: Expected): string {
  if (reply === 'count') return `Reply count ${body.count}`
  if (reply === 'boolean') return `Reply ${body.ok}`
  const id = textOrNull(body.id)
  if (id !== null && driver !== null) names.give(driver, id)
  const made = id === null ? '' : ` ${names.nameOf(id)}`
  return `Reply ${body.ok}${made} '${names.inText(body.message ?? '')}'`
}

function answer(body: BodyT, names: Names, expected: Expected): string | null {
  if (body instanceof schema.ReplyT) return replyText(body, names, expected)
  if (body instanceof schema.DriverStatusResponseT) {
    return words.statusText({
      state: body.found ? DRIVER_STATES[body.state] : null,
      workerId: textOrNull(body.workerId),
      hostPort: textOrNull(body.workerHostPort),
      exception: textOrNull(body.exception),
    })
  }
  if (body instanceof schema.RefusedT) return `Refused '${body.message}'`
  if (body instanceof schema.MasterInStandbyT) return 'MasterInStandby'
  return null
}

/** @throws Error when the core says what is not known here */
export function coreText(body: BodyT, names: Names, expected: Expected): string {
  const text =
    toWorker(body, names) ?? toDriver(body, names, expected) ?? answer(body, names, expected)
  if (text === null) throw new Error(`our core said ${body.constructor.name}`)
  return text
}
