/**
 * Whether an executor starts with a class-data archive, or is the one whose classes the archive will have. Runs in the
 * launcher's threads, between an order and its exec: what it has found on disk serves the launches of the next minutes.
 */
import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'

import { splitOptions } from '../../conf/env.js'
import { candidates } from '../launcher/start-child.js'
import { ArchiveFolder, type ReadyArchive } from './archive-folder.js'
import { archiveClassPath, fingerprint, shadowed, wildcardFolders } from './class-path.js'
import { archiveOptions, quietOptions } from './java-options.js'
import { findJdk, type Jdk } from './jdk.js'

/** A JVM that is about to be started. */
export interface JavaLaunch {
  /** As on the command line. */
  java: string
  environment: Readonly<Record<string, string>>
  /** In Spark's order, folders with a slash at their end. */
  classPath: readonly string[]
  confDir: string
  /** The entry of the distribution's jars. */
  jars: string
  options: readonly string[]
  memoryMb: number
}

/** Of an executor whose classes are being listed: what the archive is to be made of. Plain data. */
export interface Training {
  key: string
  /** Where the executor writes them. */
  classList: string
  java: string
  options: readonly string[]
  classPath: readonly string[]
  confDir: string
}

export interface Choice {
  /** To stand before all others. */
  options: readonly string[]
  classPath: readonly string[]
  training: Training | null
  /** For the worker's log; told once. */
  problem: string | null
}

/** Everything that an archive depends on. */
interface Combination {
  key: string
  jdk: Jdk
  options: readonly string[]
  entries: readonly string[]
  archived: readonly string[]
}

interface Known {
  combination: Combination | null
  ready: ReadyArchive | null
  sinceMs: number
  /** Times of the folders of jars. */
  times: string
}

/** A new form of archives or their keys gets a new number. */
const FORM = 1
const KEY_DIGITS = 32
/** Jars that are replaced in their place are noticed so late; the JVM itself does not take the archive until then. */
const KNOWN_MS = 600_000
const MAX_KNOWN = 64
/** Java options that a JVM finds in its environment. */
export const OPTION_VARIABLES = ['JAVA_TOOL_OPTIONS', 'JDK_JAVA_OPTIONS', '_JAVA_OPTIONS']

export class ClassDataChooser {
  readonly #folder: ArchiveFolder
  readonly #known = new Map<string, Known>()
  #told = false

  constructor(path: string) {
    this.#folder = new ArchiveFolder(path)
  }

  get path(): string {
    return this.#folder.path
  }

  /** Never throws: an executor that can't have an archive starts without one. */
  readonly choose = (launch: JavaLaunch): Choice => {
    const none: Choice = {
      options: [],
      classPath: launch.classPath,
      training: null,
      problem: null,
    }
    try {
      return this.#choose(launch) ?? none
    } catch (error) {
      const problem = `executors start without class-data archive: ${(error as Error).message}`
      const told = this.#told
      this.#told = true
      return told ? none : { ...none, problem }
    }
  }

  #choose(launch: JavaLaunch): Choice | null {
    const options = optionsOf(launch)
    if (options === null) return null
    const known = this.#combination(launch, options)
    if (known.combination === null) return null
    const { key, jdk, entries, archived } = known.combination
    const quiet = quietOptions(jdk.major)
    if (known.ready === null || !existsSync(known.ready.path)) known.ready = this.#folder.ready(key)
    const { ready } = known
    if (ready !== null) {
      if (shadowed(launch.confDir, ready.namesInJars) !== null) return null
      const archive = ['-Xshare:auto', `-XX:SharedArchiveFile=${ready.path}`, ...quiet]
      return { options: archive, classPath: entries, training: null, problem: null }
    }
    const classList = this.#folder.begin(key)
    if (classList === null) return null
    const { confDir, classPath } = launch
    const training = { key, classList, java: jdk.java, options, classPath: archived, confDir }
    const listing = [`-XX:DumpLoadedClassList=${classList}`, ...quiet]
    return { options: listing, classPath, training, problem: null }
  }

  /** @param options what is left of the launch's options, for archives */
  #combination(launch: JavaLaunch, options: readonly string[]): Known {
    const { java, environment, classPath, confDir } = launch
    const question = JSON.stringify([java, environment['PATH'], options, classPath, confDir])
    const nowMs = performance.now()
    const known = this.#known.get(question)
    if (known !== undefined && nowMs - known.sinceMs < KNOWN_MS && isAsItWas(known)) return known
    const combination = combinationOf(launch, options)
    const times = combination === null ? '' : timesOf(combination.archived)
    const found = { combination, times, ready: null, sinceMs: nowMs }
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(question, found)
    return found
  }
}

function isAsItWas({ combination, times }: Known): boolean {
  return combination === null || timesOf(combination.archived) === times
}

function timesOf(archived: readonly string[]): string {
  return wildcardFolders(archived)
    .map((folder) => statSync(folder, { throwIfNoEntry: false })?.mtimeMs)
    .join()
}

/** @returns those that an archive depends on; null: none goes with them */
function optionsOf({ environment, options, memoryMb }: JavaLaunch): string[] | null {
  const inherited = OPTION_VARIABLES.flatMap((name) => splitOptions(environment[name] ?? '', name))
  return archiveOptions([...inherited, ...options], memoryMb)
}

/** @returns null when no archive goes with it @throws Error when the class path can't be read */
function combinationOf(launch: JavaLaunch, options: readonly string[]): Combination | null {
  const path = archiveClassPath(launch.classPath, launch)
  if (path === null) return null
  const environment = { ...launch.environment }
  const jdk = findJdk(candidates({ command: [launch.java], environment, stdin: 'ignore' }))
  if (jdk === null) return null
  const depends = [FORM, jdk.identity, options, path.archived, fingerprint(path.archived)]
  const hash = createHash('sha256').update(JSON.stringify(depends)).digest('hex')
  return { key: hash.slice(0, KEY_DIGITS), jdk, options, ...path }
}
