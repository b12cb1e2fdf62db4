/** From a submission to the driver that the master is asked to run (spec R5 to R7, E20). Pure. */
import { splitOptions } from '../conf/env.js'
import { UsageError } from '../conf/errors.js'
import { INT_MAX } from '../conf/parsers.js'
import { parseBytes } from '../conf/size.js'
import { namedByDriverId } from '../control/driver-name.js'
import {
  driverRuntimeOf,
  NODE_DRIVER_RUNTIME,
  SPARK_VERSIONS,
  versionOf,
  type SparkVersion,
} from '../control/runtimes.js'
import { DriverDescriptionT, JvmCommandT, PropertyT, ResourceAmountT } from '../schema/magneto.js'
import type { CreateRequest } from './create-request.js'
import { moduleOptions } from './module-options.js'
import {
  nodeCommandOf,
  nodeStandIn,
  programKindOf,
  SPARK_SUBMIT,
  scriptArguments,
  scriptProperties,
  type ProgramKind,
} from './program.js'
import { malformed } from './protocol.js'

const DEFAULT_CORES = 1
const DEFAULT_MEMORY_MB = 1024
const MIB = 2 ** 20
const RESOURCE_PREFIX = 'spark.driver.resource.'

/** They name the machine of who submits, not the driver's (E20). */
const HOST_SPECIFIC: ReadonlySet<string> = new Set(['SPARK_LOCAL_IP', 'SPARK_LOCAL_HOSTNAME'])

/** What of the master goes into a driver. */
export interface MasterFacts {
  /** spark://host:port */
  readonly masterUrl: string
  /** Ports of REST that clients may name where the master's port belongs. */
  readonly restPorts: readonly number[]
  /** The master's own environment. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** One of them must match the app resource; none: any is taken. */
  readonly allowedAppResources: readonly RegExp[]
  /** Whether the driver's id becomes the name of its application (P30). */
  readonly useDriverIdAsAppName: boolean
}

type Texts = ReadonlyMap<string, string>

/** R7. @returns the value of the master's variable where the whole text is its placeholder */
function filledText(text: string, environment: MasterFacts['environment']): string {
  const name = /^\{\{(.*)\}\}$/s.exec(text)?.[1]
  return (name === undefined ? undefined : environment[name]) ?? text
}

/** R6. Other masters of the list listen on the same ports. */
function masterProperty(given: string | undefined, { masterUrl, restPorts }: MasterFacts): string {
  if (given === undefined) return masterUrl
  const rpcPort = /:(\d+)$/.exec(masterUrl)?.[1] ?? ''
  const ports = new Set(restPorts.map(String))
  return given.replaceAll(/:(\d+)(?=\s*(?:,|$))/g, (named, port: string) =>
    ports.has(port) ? `:${rpcPort}` : named,
  )
}

function memoryMb(properties: Texts): number {
  const text = properties.get('spark.driver.memory')
  if (text === undefined) return DEFAULT_MEMORY_MB
  const mb = Math.floor(parseBytes(text) / MIB)
  if (mb >= 1 && mb <= INT_MAX) return mb
  throw malformed(
    `spark.driver.memory is '${text}', which is ${mb} MiB; it takes a unit, such as 512m, and counts ` +
      'bytes without one',
  )
}

/** @throws RestError when it is no whole number of Java's int range from 0 */
function whole(text: string, what: string): number {
  const number = /^\s*\d+(\.0*)?\s*$/.test(text) ? Number(text) : Number.NaN
  if (number <= INT_MAX) return number
  throw malformed(`${what} is '${text}', which is no whole number from 0 to ${INT_MAX}`)
}

function resourcesOf(properties: Texts): ResourceAmountT[] {
  const named = [...properties.keys()].filter((key) => key.startsWith(RESOURCE_PREFIX))
  const names = new Set(named.map((key) => key.slice(RESOURCE_PREFIX.length).split('.')[0]!))
  const amounts = [...names].map((name) => {
    const key = `${RESOURCE_PREFIX}${name}.amount`
    const amount = properties.get(key)
    if (amount === undefined) throw malformed(`${key} is missing, which resource ${name} needs`)
    return new ResourceAmountT(name, whole(amount, key))
  })
  return amounts.filter(({ amount }) => amount > 0)
}

/** What a worker must be to host the driver: of the client's version, or of any when it does not say. */
function versionsOf({ clientSparkVersion }: CreateRequest, properties: Texts): SparkVersion[] {
  const client = versionOf(clientSparkVersion)
  const candidates = client === null ? [...SPARK_VERSIONS] : [client]
  const wanted = properties.get('spark.magneto.sparkVersion')
  if (wanted === undefined) return candidates
  const version = versionOf(wanted)
  if (version !== null && candidates.includes(version)) return [version]
  throw malformed(
    `spark.magneto.sparkVersion is '${wanted}'; the client's version leaves Spark ${candidates.join(', ')}`,
  )
}

function pathEntries(text: string | undefined): string[] {
  return text === undefined ? [] : text.replace(/:+$/, '').split(':')
}

function javaOptions(properties: Texts, version: SparkVersion): string[] {
  const lines = ['spark.driver.defaultJavaOptions', 'spark.driver.extraJavaOptions']
  return [
    ...moduleOptions(version),
    ...[...properties].map(([name, value]) => `-D${name}=${value}`),
    ...lines.flatMap((name) => splitOptions(properties.get(name) ?? '', name)),
  ]
}

interface Filled {
  readonly properties: Texts
  readonly environment: Texts
}

/** What DriverWrapper is to run, after the worker's URL and the jar. */
function wrappedArguments(
  kind: ProgramKind,
  { mainClass, appArgs }: CreateRequest,
  properties: Texts,
): string[] {
  if (kind === 'script') return scriptArguments(properties, appArgs)
  const appName = properties.get('spark.app.name')
  const submitArgs =
    mainClass === SPARK_SUBMIT && appName !== undefined ? ['-c', `spark.app.name=${appName}`] : []
  return [mainClass!, ...submitArgs, ...appArgs]
}

function jvmCommandOf(
  kind: ProgramKind,
  request: CreateRequest,
  filled: Filled,
  versions: readonly SparkVersion[],
): JvmCommandT {
  const environment = new Map(filled.environment)
  // SparkSubmit reads the master from its arguments, else from there, and never from -D.
  if (request.mainClass === SPARK_SUBMIT && !environment.has('MASTER'))
    environment.set('MASTER', filled.properties.get('spark.master')!)
  const properties = kind === 'script' ? scriptProperties(filled.properties) : filled.properties
  return new JvmCommandT(
    'org.apache.spark.deploy.worker.DriverWrapper',
    ['{{WORKER_URL}}', '{{USER_JAR}}', ...wrappedArguments(kind, request, properties)],
    [...environment].map(([name, value]) => new PropertyT(name, value)),
    pathEntries(properties.get('spark.driver.extraClassPath')),
    pathEntries(properties.get('spark.driver.extraLibraryPath')),
    javaOptions(properties, versions.at(-1)!),
    versions.length === 1 ? versions[0]! : null,
  )
}

/** @returns the fields of a description that say what is run, and where it can be */
function programOf(
  request: CreateRequest,
  filled: Filled,
  { useDriverIdAsAppName }: MasterFacts,
): Pick<DriverDescriptionT, 'command' | 'nodeCommand' | 'runtimes'> {
  const kind = programKindOf(request)
  if (kind === 'node') {
    const command = nodeStandIn(request)
    return { command, nodeCommand: nodeCommandOf(request, filled), runtimes: [NODE_DRIVER_RUNTIME] }
  }
  const versions = versionsOf(request, filled.properties)
  const command = jvmCommandOf(kind, request, filled, versions)
  return {
    command: useDriverIdAsAppName ? namedByDriverId(command) : command,
    nodeCommand: null,
    runtimes: versions.map(driverRuntimeOf),
  }
}

/** @throws RestError that says what of the request can't be meant */
export function driverOf(request: CreateRequest, master: MasterFacts): DriverDescriptionT {
  const { appResource } = request
  const { allowedAppResources } = master
  if (allowedAppResources.length > 0 && !allowedAppResources.some((one) => one.test(appResource))) {
    throw malformed('Valid application jar path is required')
  }
  const fill = ([name, value]: [string, string]) =>
    [name, filledText(value, master.environment)] as const
  const properties = new Map([...request.sparkProperties].map(fill))
  properties.set('spark.master', masterProperty(properties.get('spark.master'), master))
  const environment = new Map(
    [...request.environmentVariables].filter(([name]) => !HOST_SPECIFIC.has(name)).map(fill),
  )
  try {
    const { command, nodeCommand, runtimes } = programOf(
      request,
      { properties, environment },
      master,
    )
    const description = new DriverDescriptionT(
      appResource,
      memoryMb(properties),
      whole(properties.get('spark.driver.cores') ?? String(DEFAULT_CORES), 'spark.driver.cores'),
      properties.get('spark.driver.supervise')?.toLowerCase() === 'true',
      command,
      resourcesOf(properties),
      runtimes,
    )
    description.nodeCommand = nodeCommand
    return description
  } catch (error) {
    // A placeholder may have brought what the check of the request has not seen.
    if (error instanceof UsageError) throw malformed(error.message)
    throw error
  }
}
