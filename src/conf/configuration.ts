/** The `spark.*` entries one daemon runs with, and the typed reading of them. */
import { quoted, UsageError } from './errors.js'
import type { Parser } from './parsers.js'

/** One key: its name, what it is worth when nobody sets it, and how its text is read. */
export interface ConfKey<T> {
  readonly name: string
  /** Older or alternative names, tried in order when `name` is not set. */
  readonly alternatives?: readonly string[]
  readonly default: T
  /** The key whose value counts when nobody sets this one. */
  readonly follows?: ConfKey<T>
  readonly parse: Parser<T>
  /** Sentences for docs/configuration.md: what it does, and in which unit a bare number counts. */
  readonly doc: string
  /** Where we differ from Spark on purpose. */
  readonly differs?: string
  /** The id in the specification; M: a key of our own. */
  readonly spec: string
  /** Which daemon refuses to start when the value is malformed. */
  readonly readBy: 'master' | 'worker' | 'both'
}

/** The name and its alternatives, in the order in which they are tried. */
export function namesOf(key: ConfKey<unknown>): readonly string[] {
  return key.alternatives === undefined ? [key.name] : [key.name, ...key.alternatives]
}

export class Configuration {
  readonly #entries: Map<string, string>
  readonly #origins: ReadonlyMap<string, string>

  /**
   * @param entries the last one wins where a key comes twice
   * @param origins where a key was set ("conf/spark-defaults.conf line 3"), for error messages
   */
  constructor(
    entries: Iterable<readonly [string, string]> = [],
    origins: ReadonlyMap<string, string> = new Map(),
  ) {
    this.#entries = new Map(entries)
    this.#origins = origins
  }

  get(key: string): string | undefined {
    return this.#entries.get(key)
  }

  /** @throws UsageError naming the key, its value and where it was set */
  read<T>(key: ConfKey<T>): T {
    for (const name of namesOf(key)) {
      const text = this.#entries.get(name)
      if (text !== undefined) return this.#parse(key, name, text)
    }
    return key.follows === undefined ? key.default : this.read(key.follows)
  }

  /** Whether somebody set the key, under its name or an alternative one. */
  has(key: ConfKey<unknown>): boolean {
    return namesOf(key).some((name) => this.#entries.has(name))
  }

  /** The name under which somebody set the key; its own when nobody did. */
  nameOf(key: ConfKey<unknown>): string {
    return namesOf(key).find((name) => this.#entries.has(name)) ?? key.name
  }

  entries(): [string, string][] {
    return [...this.#entries]
  }

  originOf(name: string): string | undefined {
    return this.#origins.get(name)
  }

  #parse<T>(key: ConfKey<T>, name: string, text: string): T {
    try {
      return key.parse(text)
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      const origin = this.#origins.get(name)
      const place = origin === undefined ? '' : ` (set in ${origin})`
      throw new UsageError(`bad value for ${name}${place}: ${error.message}`, { cause: error })
    }
  }
}

/** The words of `parse` errors, kept alike over all keys. */
export function expected(text: string, what: string): UsageError {
  return new UsageError(`${quoted(text)} is not ${what}`)
}
