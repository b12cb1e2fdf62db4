/** Reads and checks the body of a submission (spec R2, R3). Pure. */
import { UsageError } from '../conf/errors.js'
import { parseBytes } from '../conf/size.js'
import { malformed, RestError } from './protocol.js'

const ACTION = 'CreateSubmissionRequest'

export interface CreateRequest {
  /** `4.3.0`; may be empty. */
  readonly clientSparkVersion: string
  readonly appResource: string
  readonly mainClass: string | null
  readonly appArgs: readonly string[]
  readonly sparkProperties: ReadonlyMap<string, string>
  readonly environmentVariables: ReadonlyMap<string, string>
  /** Fields that nobody reads, and those that are null, as they came. */
  readonly unknownFields: readonly string[]
}

const FIELDS: ReadonlySet<string> = new Set([
  'action',
  'appArgs',
  'appResource',
  'clientSparkVersion',
  'environmentVariables',
  'mainClass',
  'message',
  'sparkProperties',
])

type JsonFields = ReadonlyMap<string, unknown>

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parsed(body: string): JsonFields {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch (error) {
    throw malformed(`the body is not JSON: ${(error as Error).message}`)
  }
  if (!isObject(value)) throw malformed('the body is not a JSON object')
  return new Map(Object.entries(value))
}

/** Numbers and booleans are taken as their text, as Spark does. */
function textOf(value: unknown, where: string): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw malformed(`${where} is not a string`)
}

function optionalText(fields: JsonFields, name: string): string | null {
  const value = fields.get(name) ?? null
  return value === null ? null : textOf(value, `'${name}'`)
}

function requiredText(fields: JsonFields, name: string): string {
  const value = optionalText(fields, name)
  if (value === null) throw malformed(`'${name}' is missing in message ${ACTION}.`)
  return value
}

function textsOf(fields: JsonFields, name: string): string[] {
  const value = fields.get(name) ?? []
  if (!Array.isArray(value)) throw malformed(`'${name}' is not an array of strings`)
  return value.map((item, index) => textOf(item, `'${name}'[${index}]`))
}

/** @returns null when there is no such field */
function mapOf(fields: JsonFields, name: string): Map<string, string> | null {
  const value = fields.get(name) ?? null
  if (value === null) return null
  if (!isObject(value)) throw malformed(`'${name}' is not an object of strings`)
  return new Map(
    Object.entries(value).map(([key, item]) => [key, textOf(item, `'${name}'.'${key}'`)]),
  )
}

const isBoolean = (text: string): boolean => /^(true|false)$/i.test(text)

/** What Java reads as a double. */
const isNumeric = (text: string): boolean =>
  /^\s*[+-]?(NaN|Infinity|(\d+\.?\d*|\.\d+)(e[+-]?\d+)?[df]?)\s*$/i.test(text)

function isMemory(text: string): boolean {
  try {
    parseBytes(text)
    return true
  } catch (error) {
    if (error instanceof UsageError) return false
    throw error
  }
}

const CHECKED: readonly (readonly [name: string, what: string, is: (text: string) => boolean])[] = [
  ['spark.driver.supervise', 'boolean', isBoolean],
  ['spark.driver.cores', 'numeric', isNumeric],
  ['spark.cores.max', 'numeric', isNumeric],
  ['spark.driver.memory', 'memory', isMemory],
  ['spark.executor.memory', 'memory', isMemory],
]

function checkProperties(properties: ReadonlyMap<string, string>): void {
  for (const [name, what, is] of CHECKED) {
    const value = properties.get(name)
    if (value === undefined || is(value)) continue
    throw malformed(`Property '${name}' expected ${what} value: actual was '${value}'.`)
  }
}

/** @throws RestError that says what is wrong with it */
export function readCreateRequest(body: string): CreateRequest {
  const fields = parsed(body)
  const action = fields.get('action')
  if (typeof action !== 'string') throw malformed('Action field not found in JSON')
  if (action !== ACTION) {
    throw new RestError(400, `Received message of unexpected type ${action.slice(0, 200)}.`)
  }
  const clientSparkVersion = requiredText(fields, 'clientSparkVersion')
  const sparkProperties = mapOf(fields, 'sparkProperties')
  if (sparkProperties === null) throw malformed('No Spark properties set!')
  const appResource = requiredText(fields, 'appResource')
  checkProperties(sparkProperties)
  const unknown = [...fields].filter(([name, value]) => !FIELDS.has(name) || value === null)
  return {
    clientSparkVersion,
    appResource,
    mainClass: optionalText(fields, 'mainClass'),
    appArgs: textsOf(fields, 'appArgs'),
    sparkProperties,
    environmentVariables: mapOf(fields, 'environmentVariables') ?? new Map(),
    unknownFields: unknown.map(([name]) => name),
  }
}
