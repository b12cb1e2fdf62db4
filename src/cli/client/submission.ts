/** From the flags of `magneto submit` to the body of a submission (R2). */
import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { quoted, UsageError } from '../../conf/errors.js'
import type { Flag, ParsedArguments } from '../../conf/flags.js'
import { readProperties } from '../../conf/properties.js'
import { SPARK_VERSIONS, versionOf } from '../../control/runtimes.js'

export const SUBMISSION_FLAGS: readonly Flag[] = [
  { names: ['--class'], value: 'CLASS', help: 'Main class of a jar' },
  {
    names: ['--name'],
    value: 'NAME',
    help: 'Name of the application; default: the class or the file',
  },
  { names: ['--cores'], value: 'N', help: 'Cores of the driver; default: 1' },
  { names: ['--memory'], value: 'SIZE', help: 'Memory of the driver, such as 512m; default: 1g' },
  { names: ['--supervise'], help: 'Start the driver again when it fails' },
  { names: ['--conf', '-c'], value: 'KEY=VALUE', help: 'A setting of Spark; may be repeated' },
  {
    names: ['--properties-file'],
    value: 'FILE',
    help: 'A file of settings; --conf and flags beat it',
  },
  { names: ['--py-files'], value: 'FILES', help: 'Python files to go along, with commas between' },
  { names: ['--jars'], value: 'FILES', help: 'Jars to go along, with commas between' },
  { names: ['--files'], value: 'FILES', help: 'Files for executors, with commas between' },
  { names: ['--env'], value: 'NAME=VALUE', help: "A variable of the driver's; may be repeated" },
  {
    names: ['--spark-version'],
    value: 'X.Y',
    help: 'The Spark that a driver of the JVM needs, such as 4.3',
  },
]

/** Fields of CreateSubmissionRequest. */
export interface Submission {
  readonly action: 'CreateSubmissionRequest'
  readonly clientSparkVersion: string
  readonly appResource: string
  readonly mainClass: string
  readonly appArgs: readonly string[]
  readonly sparkProperties: Readonly<Record<string, string>>
  readonly environmentVariables: Readonly<Record<string, string>>
}

export interface MadeSubmission {
  readonly submission: Submission
  /** Files of this machine that every worker must find under the same path. */
  readonly sharedPaths: readonly string[]
}

/** `http://h/a.jar`, `file:/a.jar`, `local:/a.jar`, ... */
const isUrl = (text: string): boolean => /^[a-z][a-z0-9+.-]+:/i.test(text)

/** Turns paths of this machine into URLs, and remembers them. */
class Files {
  readonly #cwd: string
  readonly shared: string[] = []

  constructor(cwd: string) {
    this.#cwd = cwd
  }

  /** @throws UsageError when there is no such file */
  urlOf(text: string, what: string): string {
    if (isUrl(text)) return text
    const path = resolve(this.#cwd, text)
    if (!existsSync(path)) {
      throw new UsageError(
        `${what} ${quoted(text)} is not there: expected a file of this machine, or a URL; one that only ` +
          `workers have is file:${path}`,
      )
    }
    this.shared.push(path)
    return pathToFileURL(path).href
  }

  /** @param list with commas between */
  urlsOf(list: string, what: string): string[] {
    const parts = list.split(',').map((part) => part.trim())
    return parts.filter((part) => part !== '').map((part) => this.urlOf(part, what))
  }
}

/** @throws UsageError when there is no name before the first equals sign */
function pairOf(flag: string, text: string, name: RegExp, expected: string): [string, string] {
  const at = text.indexOf('=')
  const key = text.slice(0, Math.max(at, 0))
  if (!name.test(key)) throw new UsageError(`${flag} ${quoted(text)}: expected ${expected}`)
  return [key, text.slice(at + 1)]
}

function settingsOf({ flags, given }: ParsedArguments, cwd: string): Map<string, string> {
  const file = flags.get('--properties-file')
  const properties = new Map(
    file === undefined
      ? []
      : readProperties(resolve(cwd, file)).entries.map(({ name, value }) => [name, value] as const),
  )
  for (const [flag, value] of given) {
    if (flag !== '--conf') continue
    const [key, setting] = pairOf(flag, value, /^spark\../, 'spark.<key>=<value>')
    properties.set(key, setting)
  }
  return properties
}

function addTo(properties: Map<string, string>, key: string, urls: readonly string[]): void {
  const all = [...(properties.get(key) ?? '').split(','), ...urls].filter((url) => url !== '')
  if (all.length > 0) properties.set(key, [...new Set(all)].join(','))
}

/** @returns '' when any will do */
function sparkVersionOf(text: string | undefined): string {
  if (text === undefined || versionOf(text) !== null) return text ?? ''
  throw new UsageError(
    `--spark-version ${quoted(text)}: expected one of ${SPARK_VERSIONS.join(', ')}`,
  )
}

/** @throws UsageError */
export function submissionOf(
  parsed: ParsedArguments,
  masterUrl: string,
  cwd: string,
): MadeSubmission {
  const { flags, given, positionals } = parsed
  const [program, ...appArgs] = positionals
  if (program === undefined) {
    throw new UsageError('what to run is missing: expected a .jar, .py, .R or .js file, or its URL')
  }
  const files = new Files(cwd)
  const appResource = files.urlOf(program, 'the program')
  const mainClass = flags.get('--class') ?? ''
  const isJvm = !/\.(py|[rR]|[mc]?js)$/.test(appResource)
  if (isJvm && mainClass === '') {
    throw new UsageError(`--class is missing: which class of ${quoted(program)} is to be run?`)
  }
  const properties = settingsOf(parsed, cwd)
  const set = (key: string, value: string | undefined): void => {
    if (value !== undefined) properties.set(key, value)
  }
  const name = mainClass === '' ? basename(appResource) : mainClass
  set('spark.app.name', flags.get('--name') ?? properties.get('spark.app.name') ?? name)
  set('spark.driver.cores', flags.get('--cores'))
  set('spark.driver.memory', flags.get('--memory'))
  set('spark.driver.supervise', flags.has('--supervise') ? 'true' : undefined)
  // Executors load the program's classes as well, as they do when spark-submit sends it.
  const jars = files.urlsOf(flags.get('--jars') ?? '', '--jars')
  addTo(properties, 'spark.jars', isJvm ? [...jars, appResource] : jars)
  addTo(properties, 'spark.files', files.urlsOf(flags.get('--files') ?? '', '--files'))
  const pyFiles = files.urlsOf(flags.get('--py-files') ?? '', '--py-files')
  addTo(properties, 'spark.submit.pyFiles', pyFiles)
  properties.set('spark.master', masterUrl)
  properties.set('spark.submit.deployMode', 'cluster')
  const environment = given
    .filter(([flag]) => flag === '--env')
    .map(([flag, value]) => pairOf(flag, value, /^[^=\0]+$/, 'NAME=VALUE'))
  const submission: Submission = {
    action: 'CreateSubmissionRequest',
    clientSparkVersion: sparkVersionOf(flags.get('--spark-version')),
    appResource,
    mainClass,
    appArgs,
    sparkProperties: Object.fromEntries(properties),
    environmentVariables: Object.fromEntries(environment),
  }
  return { submission, sharedPaths: files.shared }
}
