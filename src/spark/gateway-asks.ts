/**
 * Everything that Spark processes ask a Master and the core answers: how each ask goes to the core, how its
 * answer comes back, and its own no where there is none.
 */
import { encodeDriverShared } from '../control/codec.js'
import {
  DecommissionWorkersOnHostsT,
  DriverDescriptionT,
  DriverStatusResponseT,
  ReplyT,
  RequestClearCompletedDriversAndAppsT,
  RequestDriverStatusT,
  RequestKillAllDriversT,
  RequestKillDriverT,
  RequestReadyzT,
  RequestSubmitDriverT,
  ResourceAmountT,
} from '../schema/magneto.js'
import type { Answers, Ask } from './gateway-session.js'
import {
  commandOf,
  keptDescription,
  killExecutorsOf,
  requestExecutorsOf,
  TranslationError,
  unsigned,
} from './gateway-translate.js'
import { executorStateChangedOf } from './gateway-translate-worker.js'
import {
  DRIVER_STATES,
  type DriverDescriptionFields,
  type DriverStatusResponse,
  type ExecutorStateChanged,
  type IncomingMessage,
  type SparkVersion,
} from './messages.js'
import { namedByDriverId } from '../control/driver-name.js'
import { driverRuntimeOf, versionOf } from '../control/runtimes.js'
import { narrowByJavaOptions } from './versions.js'

const VERSION_OPTION = '-Dspark.magneto.sparkVersion='

const yesOrNo: Answers = {
  answer: (body) => ({ kind: 'BooleanReply', value: body instanceof ReplyT && body.ok }),
  no: () => null,
}

/** Workers end themselves when these are not answered, whatever the answer (M11, L10). */
const alwaysTrue: Answers = {
  answer: () => ({ kind: 'BooleanReply', value: true }),
  no: () => ({ kind: 'BooleanReply', value: true }),
}

const howMany: Answers = {
  answer: (body) => ({ kind: 'IntegerReply', value: body instanceof ReplyT ? body.count : 0 }),
  no: () => null,
}

/**
 * Submit clients take a failed ask for an outage and wait on for ever; told no in words of their own, they
 * show the text and end.
 */
const submitted: Answers = {
  answer: (body) => {
    const { ok, id, message } = replyOf(body)
    return {
      kind: 'SubmitDriverResponse',
      success: ok,
      driverId: ok ? id : null,
      message: message ?? '',
    }
  },
  no: (message) => ({ kind: 'SubmitDriverResponse', success: false, driverId: null, message }),
}

function killed(driverId: string): Answers {
  return {
    answer: (body) => {
      const { ok, message } = replyOf(body)
      return { kind: 'KillDriverResponse', driverId, success: ok, message: message ?? '' }
    },
    no: (message) => ({ kind: 'KillDriverResponse', driverId, success: false, message }),
  }
}

const allKilled: Answers = {
  answer: (body) => {
    const { ok, message } = replyOf(body)
    return { kind: 'KillAllDriversResponse', success: ok, message: message ?? '' }
  },
  no: (message) => ({ kind: 'KillAllDriversResponse', success: false, message }),
}

const notFound = {
  kind: 'DriverStatusResponse',
  found: false,
  state: null,
  workerId: null,
  workerHostPort: null,
} as const

const status: Answers = {
  answer: (body): DriverStatusResponse => {
    // A core that can't say answers with a Reply, whose text the client shows.
    if (body instanceof ReplyT) return { ...notFound, exceptionMessage: body.message }
    if (!body.found) return { ...notFound, exceptionMessage: body.exception }
    return {
      kind: 'DriverStatusResponse',
      found: true,
      state: DRIVER_STATES[body.state],
      workerId: body.workerId,
      workerHostPort: body.workerHostPort,
      exceptionMessage: body.exception,
    }
  },
  no: (exceptionMessage) => ({ ...notFound, exceptionMessage }),
}

function replyOf(body: ReplyT | DriverStatusResponseT): ReplyT {
  return body instanceof ReplyT ? body : new ReplyT()
}

/**
 * @param candidates what the asker's Spark may be
 * @param useDriverIdAsAppName spark.master.useDriverIdAsAppName.enabled (P30)
 * @returns null when the core has no answer to such a message
 */
export function askOf(
  message: IncomingMessage,
  candidates: readonly SparkVersion[],
  useDriverIdAsAppName = false,
): Ask | null {
  switch (message.kind) {
    case 'RequestExecutors':
      return { body: (id) => requestExecutorsOf(message, id), answers: yesOrNo }
    case 'KillExecutors':
      return { body: (id) => killExecutorsOf(message, id), answers: yesOrNo }
    case 'RequestSubmitDriver':
      return {
        body: (id) =>
          new RequestSubmitDriverT(
            id,
            encodeDriverShared(
              descriptionFor(message.driverDescription, candidates, useDriverIdAsAppName),
            ),
          ),
        answers: submitted,
      }
    case 'RequestKillDriver':
      return {
        body: (id) => new RequestKillDriverT(id, message.driverId),
        answers: killed(message.driverId),
      }
    case 'RequestDriverStatus':
      return { body: (id) => new RequestDriverStatusT(id, message.driverId), answers: status }
    case 'RequestKillAllDrivers':
      return { body: (id) => new RequestKillAllDriversT(id), answers: allKilled }
    case 'RequestClearCompletedDriversAndApps':
      return { body: (id) => new RequestClearCompletedDriversAndAppsT(id), answers: yesOrNo }
    case 'RequestReadyz':
      return { body: (id) => new RequestReadyzT(id), answers: yesOrNo }
    case 'DecommissionWorkersOnHosts':
      return {
        body: (id) => new DecommissionWorkersOnHostsT(id, [...message.hostnames]),
        answers: howMany,
      }
    default:
      return null
  }
}

/** The ask of a registered worker. */
export function executorStateAsk(message: ExecutorStateChanged): Ask {
  return { body: (id) => executorStateChangedOf(message, id), answers: alwaysTrue }
}

/** @throws TranslationError when what it says makes no sense */
function descriptionFor(
  driver: DriverDescriptionFields,
  candidates: readonly SparkVersion[],
  useDriverIdAsAppName: boolean,
): DriverDescriptionT {
  if (driver.memoryMb === 0) {
    throw new TranslationError(
      'the driver asks for 0 MiB of memory, with which no JVM starts: --memory takes a unit, ' +
        'such as 512m, and counts bytes without one',
    )
  }
  const versions = versionsOfDriver(driver.command.javaOpts, candidates)
  const command = commandOf(driver.command, versions.length === 1 ? versions[0]! : null)
  return new DriverDescriptionT(
    driver.jarUrl,
    unsigned(driver.memoryMb, 'the memory of the driver'),
    unsigned(driver.cores, 'the number of cores of the driver'),
    driver.supervise,
    useDriverIdAsAppName ? namedByDriverId(command) : command,
    driver.resourceRequirements.map(
      ({ resourceName, amount }) =>
        new ResourceAmountT(resourceName, unsigned(amount, `${resourceName} of the driver`)),
    ),
    versions.map(driverRuntimeOf),
    // Its own words name it otherwise; Apache Workers then get the description anew, from its fields.
    useDriverIdAsAppName ? new Uint8Array() : keptDescription(driver.javaStream),
  )
}

/**
 * Workers of which versions may host the driver. Submit clients of 4.1 to 4.3 look alike: their user may say
 * which it is.
 */
function versionsOfDriver(
  javaOpts: readonly string[],
  candidates: readonly SparkVersion[],
): readonly SparkVersion[] {
  const option = javaOpts.findLast((text) => text.startsWith(VERSION_OPTION))
  if (option === undefined) return narrowByJavaOptions(candidates, javaOpts)
  const wanted = option.slice(VERSION_OPTION.length)
  const version = versionOf(wanted)
  if (version === null || !candidates.includes(version)) {
    throw new TranslationError(
      `spark.magneto.sparkVersion is ${wanted}; this client's messages are of Spark ${candidates.join(', ')}`,
    )
  }
  return [version]
}
