/** What kind of program a submission names: of the JVM, of Python or R, of Node. Pure. */
import { splitOptions } from '../conf/env.js'
import { JvmCommandT, NodeCommandT, PropertyT } from '../schema/magneto.js'
import type { CreateRequest } from './create-request.js'
import { malformed } from './protocol.js'

export const SPARK_SUBMIT = 'org.apache.spark.deploy.SparkSubmit'
const NODE = 'node'
const NODE_OPTIONS = 'spark.magneto.driver.nodeOptions'

/**
 * - `jvm`: a class of a jar (R5).
 * - `script`: Python or R, which SparkSubmit runs inside the driver's JVM: there, the driver is a client.
 * - `node`: a script of Node, with no JVM at all.
 */
export type ProgramKind = 'jvm' | 'script' | 'node'

/** @throws RestError when a class is missing, or makes no sense beside such a file */
export function programKindOf({ appResource, mainClass }: CreateRequest): ProgramKind {
  const given = mainClass ?? ''
  if (/\.(py|R|r)$/.test(appResource) && (given === '' || given === SPARK_SUBMIT)) return 'script'
  if (/\.[mc]?js$/.test(appResource) && (given === '' || given === NODE)) return 'node'
  if (given === '') throw malformed('Main class is missing.')
  return 'jvm'
}

type Texts = ReadonlyMap<string, string>

/**
 * Names of what must not stand in the header of the driver's log, where only `-D` options are redacted (W10). It
 * reaches the driver as such an option; SparkSubmit itself needs none of it.
 */
const LOOKS_SECRET = /secret|password|token|access[.]?key/i

/** Inside the driver, SparkSubmit must start the program right there. */
export function scriptProperties(properties: Texts): Texts {
  return new Map(properties).set('spark.submit.deployMode', 'client')
}

/**
 * What DriverWrapper runs for a script: SparkSubmit reads the master, the name and what goes along with the program
 * from its own arguments only. The name comes first, as where a class is given (R5).
 */
export function scriptArguments(properties: Texts, appArgs: readonly string[]): string[] {
  const known = [...properties].filter(([name]) => !LOOKS_SECRET.test(name))
  const name = known.filter(([key]) => key === 'spark.app.name')
  const others = known.filter(([key]) => key !== 'spark.app.name')
  const settings = [...name, ...others].flatMap(([key, value]) => ['-c', `${key}=${value}`])
  return [SPARK_SUBMIT, ...settings, '{{USER_JAR}}', ...appArgs]
}

function fileNameOf(appResource: string): string {
  return appResource.slice(appResource.lastIndexOf('/') + 1)
}

/** What stands for the class where drivers are shown. */
export function nodeStandIn({ appResource }: CreateRequest): JvmCommandT {
  return new JvmCommandT(fileNameOf(appResource))
}

/**
 * The program finds the master's URL and its name in MAGNETO_MASTER and MAGNETO_APP_NAME.
 *
 * @throws UsageError when Node's options can't be split
 */
export function nodeCommandOf(
  { appResource, appArgs }: CreateRequest,
  { properties, environment }: { properties: Texts; environment: Texts },
): NodeCommandT {
  const told = new Map<string, string>()
  for (const [variable, property] of [
    ['MAGNETO_MASTER', 'spark.master'],
    ['MAGNETO_APP_NAME', 'spark.app.name'],
  ] as const) {
    const value = properties.get(property)
    if (value !== undefined) told.set(variable, value)
  }
  for (const [name, value] of environment) told.set(name, value)
  return new NodeCommandT(
    appResource,
    [...appArgs],
    [...told].map(([name, value]) => new PropertyT(name, value)),
    splitOptions(properties.get(NODE_OPTIONS) ?? '', NODE_OPTIONS),
  )
}
