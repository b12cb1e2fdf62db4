/** Writes down what Apache's Master said. */
import { readJavaStream } from '../../src/spark/java/reader.js'
import { JavaObject } from '../../src/spark/java/tree.js'
import {
  ValueReader,
  booleanOf,
  boxedNumberOf,
  classNameOf,
  describe,
  enumerationOf,
  fieldOf,
  integerOf,
  objectOf,
  optionOf,
} from '../../src/spark/java/values.js'
import { DRIVER_STATES, EXECUTOR_STATES } from '../../src/spark/messages.js'
import { resourceInformation } from '../../src/spark/messages/structures.js'
import type { NamedAddresses } from './action.js'
import * as words from './words.js'
import type { Expected, Names } from './words.js'

const DRIVER_STATE = 'org.apache.spark.deploy.master.DriverState$'

type Teller = (message: JavaObject, names: Names, expected: Expected) => string

function text(message: JavaObject, field: string): string {
  return new ValueReader().string(fieldOf(message, field))
}

function number(message: JavaObject, field: string): number {
  return integerOf(fieldOf(message, field))
}

function optionalText(message: JavaObject, field: string): string | null {
  return new ValueReader().optionalString(fieldOf(message, field))
}

function optionalNumber(message: JavaObject, field: string): number | null {
  const content = optionOf(fieldOf(message, field))
  return content === null ? null : boxedNumberOf(content)
}

function resources(message: JavaObject): readonly NamedAddresses[] {
  return resourceInformation(new ValueReader(), fieldOf(message, 'resources'))
}

const tellers: Record<string, Teller> = {
  RegisteredWorker: (message) =>
    booleanOf(fieldOf(message, 'duplicate')) ? 'WorkerRegistered duplicate' : 'WorkerRegistered',
  RegisterWorkerFailed: (message) => `RegisterWorkerFailed '${text(message, 'message')}'`,
  ReconnectWorker: () => 'ReconnectWorker',
  LaunchExecutor: (message, names) =>
    words.launchText(names, {
      appId: text(message, 'appId'),
      executorId: number(message, 'execId'),
      profileId: number(message, 'rpId'),
      cores: number(message, 'cores'),
      memoryMb: number(message, 'memory'),
      resources: resources(message),
    }),
  KillExecutor: (message, names) =>
    `KillExecutor ${names.nameOf(text(message, 'appId'))}/${number(message, 'execId')}`,
  ApplicationFinished: (message, names) =>
    `ApplicationFinished ${names.nameOf(text(message, 'id'))}`,
  LaunchDriver: (message, names) =>
    words.launchDriverText(names, text(message, 'driverId'), resources(message)),
  KillDriver: (message, names) => `KillDriver ${names.nameOf(text(message, 'driverId'))}`,
  DecommissionWorker$: () => 'DecommissionWorker',
  RegisteredApplication: (message, names, { app }) => {
    const id = text(message, 'appId')
    if (app !== null) names.give(app, id)
    return `ApplicationRegistered ${names.nameOf(id)}`
  },
  ExecutorAdded: (message, names) =>
    words.addedText(
      number(message, 'id'),
      names.nameOf(text(message, 'workerId')),
      text(message, 'hostPort'),
      number(message, 'cores'),
      number(message, 'memory'),
    ),
  ExecutorUpdated: (message) => {
    const state = enumerationOf(fieldOf(message, 'state'), 'org.apache.spark.deploy.ExecutorState$')
    return words.updatedText(
      number(message, 'id'),
      EXECUTOR_STATES[state] ?? String(state),
      optionalNumber(message, 'exitStatus'),
      optionalText(message, 'workerHost'),
      optionalText(message, 'message'),
    )
  },
  WorkerRemoved: (message, names) =>
    words.removedText(names.nameOf(text(message, 'id')), text(message, 'host')),
  ApplicationRemoved: (message) => `ApplicationRemoved '${text(message, 'message')}'`,
  SubmitDriverResponse: (message, names, { driver }) => {
    const id = optionalText(message, 'driverId')
    if (id !== null && driver !== null) names.give(driver, id)
    return replyText(names, message, id)
  },
  KillDriverResponse: (message, names) => replyText(names, message, text(message, 'driverId')),
  KillAllDriversResponse: (message, names) => replyText(names, message, null),
  DriverStatusResponse: (message, names) => {
    const state = optionOf(fieldOf(message, 'state'))
    const place = optionalText(message, 'workerId')
    const exception = optionOf(fieldOf(message, 'exception'))
    return words.statusText({
      state: state === null ? null : (DRIVER_STATES[enumerationOf(state, DRIVER_STATE)] ?? '?'),
      workerId: place === null ? null : names.nameOf(place),
      hostPort: optionalText(message, 'workerHostPort'),
      exception:
        exception === null
          ? null
          : new ValueReader().stringOrNull(fieldOf(objectOf(exception), 'detailMessage')),
    })
  },
}

function replyText(names: Names, message: JavaObject, id: string | null): string {
  const made = id === null ? '' : ` ${names.nameOf(id)}`
  const said = names.inText(text(message, 'message'))
  return `Reply ${booleanOf(fieldOf(message, 'success'))}${made} '${said}'`
}

/** @throws Error when the Master says what is not known here */
export function apacheText(stream: Uint8Array, names: Names, expected: Expected): string {
  const root = objectOf(readJavaStream(stream).root)
  const className = classNameOf(root)
  if (className === 'java.lang.Boolean') return `Reply ${booleanOf(fieldOf(root, 'value'))}`
  if (className === 'java.lang.Integer') return `Reply count ${boxedNumberOf(root)}`
  if (className === 'org.apache.spark.rpc.netty.RpcFailure') {
    const error = objectOf(fieldOf(root, 'e'))
    return `Reply failed '${new ValueReader().stringOrNull(fieldOf(error, 'detailMessage'))}'`
  }
  const teller = tellers[className.slice(className.lastIndexOf('$', className.length - 2) + 1)]
  if (teller === undefined) throw new Error(`Apache's Master said ${describe(root)}`)
  return teller(root, names, expected)
}
