/**
 * Java options in the environment (E3): `SPARK_DAEMON_JAVA_OPTS`, `SPARK_MASTER_OPTS`, `SPARK_WORKER_OPTS`.
 * Their `-Dspark.*` settings become configuration; what speaks to a JVM has no meaning here and is reported.
 */
import { quoted, UsageError } from './errors.js'

/**
 * Splits a line of options as Spark's launcher does: blanks separate, single and double quotes keep them
 * together, a backslash takes the next character as it is (not inside single quotes).
 *
 * @param source who wrote it, for the message
 * @throws UsageError when a quote is not closed
 */
export function splitOptions(line: string, source: string): string[] {
  const words: string[] = []
  let word: string | null = null
  let quote: '"' | "'" | null = null
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at)
    if (character === '\\' && quote !== "'" && at + 1 < line.length) {
      at += 1
      word = (word ?? '') + line.charAt(at)
    } else if (quote !== null) {
      if (character === quote) quote = null
      else word = (word ?? '') + character
    } else if (character === '"' || character === "'") {
      quote = character
      word ??= ''
    } else if (/\s/.test(character)) {
      if (word !== null) words.push(word)
      word = null
    } else {
      word = (word ?? '') + character
    }
  }
  if (quote !== null) {
    // The line itself may have a password in it.
    throw new UsageError(`${source}: a ${quote} is opened and never closed`)
  }
  if (word !== null) words.push(word)
  return words
}

export interface JavaOptions {
  /** The `-Dspark.*` settings, in order; the last one of a name counts. */
  readonly settings: readonly (readonly [string, string])[]
  /** Everything else, which has no effect here. */
  readonly ignored: readonly string[]
}

/** @throws UsageError on an open quote, or on a heap size (C17), which SPARK_DAEMON_MEMORY would set */
export function parseJavaOptions(line: string, source: string): JavaOptions {
  const settings: [string, string][] = []
  const ignored: string[] = []
  for (const word of splitOptions(line, source)) {
    if (word.startsWith('-Xmx')) {
      throw new UsageError(
        `${source} must not set the heap size (it has ${quoted(word)}): remove it, or use SPARK_DAEMON_MEMORY`,
      )
    }
    const setting = /^-D(spark\.[^=]*)(?:=(.*))?$/s.exec(word)
    if (setting?.[1] === undefined) ignored.push(word)
    else settings.push([setting[1], setting[2] ?? ''])
  }
  return { settings, ignored }
}
