/**
 * The custom resources of this machine (spec G, P41): which addresses the operator declares, in a file or by scripts.
 * As in Spark, the file comes first, a script is asked only for what the file does not name, and all addresses
 * that are found are offered, also when they are more than the amount.
 */
import { readFile, stat } from 'node:fs/promises'

import type { Configuration } from '../conf/configuration.js'
import { quoted, UsageError } from '../conf/errors.js'
import { keys } from '../conf/keys.js'
import { integer } from '../conf/parsers.js'
import type { Logger } from '../log/logger.js'
import { ResourceT } from '../schema/magneto.js'
import { MAX_OUTPUT_BYTES, runScript, SCRIPT_TIMEOUT_MS } from './discovery-script.js'

const PREFIX = 'spark.worker.resource.'
const COMPONENT = 'spark.worker'
/** What a master takes of one worker. */
const MAX_RESOURCES = 64
const MAX_ADDRESSES = 1024
const MAX_NAME_BYTES = 256
/** Addresses in one line of the log. */
const MAX_SHOWN = 32

/** What is asked for by spark.worker.resource.*; `vendor` is for plug-ins of a JVM and has no use here. */
interface ResourceRequest {
  name: string
  amount: number
  script: string | null
}

/** @throws UsageError, one line, naming the key: the worker does not start with less than it was told to offer */
export async function offeredResources(
  configuration: Configuration,
  log: Logger,
  scriptTimeoutMs = SCRIPT_TIMEOUT_MS,
): Promise<ResourceT[]> {
  const requests = requestsOf(configuration)
  const file = configuration.read(keys.workerResourcesFile)
  const listed = file === null ? [] : await listedIn(file, configuration)
  const missing = requests.filter(
    ({ name, amount }) => amount > 0 && !listed.some((resource) => resource.name === name),
  )
  // All are waited for, so that none is still running when the worker ends for one that failed.
  const asked = await Promise.allSettled(
    missing.map((request) => discover(request, configuration, scriptTimeoutMs)),
  )
  const found = asked.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
  const offered = [...listed, ...found]
  if (offered.length > MAX_RESOURCES) {
    throw new UsageError(
      `${offered.length} kinds of custom resources (${PREFIX}*, ${keys.workerResourcesFile.name}): at most ${MAX_RESOURCES} are expected`,
    )
  }
  for (const { name, amount } of requests) {
    const addresses = offered.find((resource) => resource.name === name)?.addresses ?? []
    checkAmount(configuration, { name, amount, addresses })
  }
  for (const { name, addresses } of offered) {
    log.info(`custom resource ${name}: ${addresses.length} offered: ${shown(addresses)}`)
  }
  return offered
}

function requestsOf(configuration: Configuration): ResourceRequest[] {
  const settings = configuration.entries().filter(([key]) => key.startsWith(PREFIX))
  const names = new Set(
    settings.map(([key]) => {
      const rest = key.slice(PREFIX.length)
      const end = rest.indexOf('.')
      if (end > 0) return rest.slice(0, end)
      throw problemOf(configuration, key, `it names no setting: expected ${PREFIX}NAME.amount`)
    }),
  )
  return [...names].map((name) => {
    const amountKey = `${PREFIX}${name}.amount`
    if (configuration.get(amountKey) === undefined) {
      throw new UsageError(`${amountKey} is missing: ${PREFIX}${name}.* needs an amount`)
    }
    const amount = configuration.read<number>({
      name: amountKey,
      default: 0,
      parse: integer(0, MAX_ADDRESSES),
      doc: 'How many units of the resource the worker must have.',
      spec: 'P41',
      readBy: 'worker',
    })
    const script = configuration.get(`${PREFIX}${name}.discoveryScript`)?.trim() ?? ''
    return { name, amount, script: script === '' ? null : script }
  })
}

function checkAmount(
  configuration: Configuration,
  { name, amount, addresses }: { name: string; amount: number; addresses: readonly string[] },
): void {
  if (addresses.length >= amount) return
  throw problemOf(
    configuration,
    `${PREFIX}${name}.amount`,
    `only ${addresses.length} found (${shown(addresses)}): expected at least ${amount} addresses`,
  )
}

// ---- scripts (G3) ----

async function discover(
  { name, script }: ResourceRequest,
  configuration: Configuration,
  timeoutMs: number,
): Promise<ResourceT> {
  const key = `${PREFIX}${name}.discoveryScript`
  if (script === null) {
    throw new UsageError(
      `${PREFIX}${name}.amount is set but nothing names the addresses: set ${key}, or list them in ${keys.workerResourcesFile.name}`,
    )
  }
  let printed: string
  try {
    printed = await runScript(script, timeoutMs)
  } catch (error) {
    throw problemOf(configuration, key, `the script ${(error as Error).message}`)
  }
  const form = `expected one JSON object such as {"name": "${name}", "addresses": ["0", "1"]}`
  const answer = parsed(printed)
  if (!isObject(answer)) {
    throw problemOf(configuration, key, `the script printed ${quoted(printed.trim())}: ${form}`)
  }
  if (answer['name'] !== name) {
    const said = answer['name'] === undefined ? 'no name' : JSON.stringify(answer['name'])
    throw problemOf(configuration, key, `the script named ${quoted(said)}: ${form}`)
  }
  const addresses = addressesOf(answer['addresses'])
  if (typeof addresses === 'string') {
    throw problemOf(configuration, key, `the script printed ${addresses}: ${form}`)
  }
  return new ResourceT(name, addresses)
}

// ---- the file (G2) ----

async function listedIn(path: string, configuration: Configuration): Promise<ResourceT[]> {
  const fail = (what: string): never => {
    throw problemOf(configuration, keys.workerResourcesFile.name, what)
  }
  const form = `expected a JSON array of {"id": {"componentName": "${COMPONENT}", "resourceName": "gpu"}, "addresses": ["0", "1"]}`
  let content = ''
  try {
    const facts = await stat(path)
    // Others may have no end, or wait for somebody to write.
    if (!facts.isFile()) fail('it is no plain file')
    if (facts.size > MAX_OUTPUT_BYTES) fail(`it holds more than ${MAX_OUTPUT_BYTES} bytes`)
    content = await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof UsageError) throw error
    fail(`it can't be read: ${(error as Error).message}`)
  }
  const document = parsed(content)
  if (!Array.isArray(document)) return fail(`it holds something else: ${form}`)
  const listed = new Map<string, ResourceT>()
  for (const [index, entry] of document.entries()) {
    const id: unknown = isObject(entry) ? entry['id'] : undefined
    const name = isObject(id) ? id['resourceName'] : undefined
    const component = isObject(id) ? id['componentName'] : undefined
    if (!isObject(entry) || typeof name !== 'string' || typeof component !== 'string')
      return fail(`entry ${index} is no such object: ${form}`)
    // One file may serve drivers and executors too.
    if (component !== COMPONENT) continue
    if (name === '' || Buffer.byteLength(name) > MAX_NAME_BYTES)
      return fail(`entry ${index} names ${quoted(name)}: expected 1 to ${MAX_NAME_BYTES} bytes`)
    if (listed.has(name)) return fail(`it names ${quoted(name)} twice: expected each once`)
    const addresses = addressesOf(entry['addresses'])
    if (typeof addresses === 'string') return fail(`${quoted(name)} has ${addresses}: ${form}`)
    listed.set(name, new ResourceT(name, addresses))
  }
  return [...listed.values()]
}

// ---- both ----

/** @returns the addresses, or in words what is wrong with them; numbers count as text, as they do in Spark */
function addressesOf(value: unknown): string[] | string {
  if (!Array.isArray(value)) return 'no list of addresses'
  if (value.length > MAX_ADDRESSES) return `${value.length} addresses, more than ${MAX_ADDRESSES}`
  const addresses = new Set<string>()
  for (const each of value as unknown[]) {
    const address = Number.isSafeInteger(each) ? String(each) : each
    const usable =
      typeof address === 'string' &&
      address.trim() !== '' &&
      Buffer.byteLength(address) <= MAX_NAME_BYTES
    if (!usable) return `the address ${quoted(JSON.stringify(each))}`
    if (addresses.has(address)) return `the address ${quoted(address)} twice`
    addresses.add(address)
  }
  return [...addresses]
}

function shown(addresses: readonly string[]): string {
  const more = addresses.length - MAX_SHOWN
  const first = addresses.slice(0, MAX_SHOWN).join(', ')
  return more > 0 ? `${first} and ${more} more` : first
}

/** @returns null for what is no JSON */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function problemOf(configuration: Configuration, key: string, what: string): UsageError {
  const origin = configuration.originOf(key)
  const place = origin === undefined ? '' : ` (set in ${origin})`
  const value = configuration.get(key) ?? ''
  return new UsageError(`bad value for ${key}${place}: ${quoted(value)}: ${what}`)
}
