/** `spark-defaults.conf` and `--properties-file`: Java properties in UTF-8, of which the `spark.*` keys count (C5, F2). */
import { readFileSync, statSync } from 'node:fs'

import { Properties } from 'properties-file/parser'

import { quoted, UsageError } from './errors.js'

/** Far above any real file; a wrong path such as a disk image must not be read into memory. */
const MAX_FILE_BYTES = 4 * 1024 * 1024

export interface PropertiesEntry {
  readonly name: string
  readonly value: string
  /** From 1, where the entry starts. */
  readonly line: number
}

export interface PropertiesContent {
  /** In file order, the last one of a name counts. */
  readonly entries: readonly PropertiesEntry[]
  /** Entries whose name does not start with `spark.`: they have no effect. */
  readonly foreign: readonly PropertiesEntry[]
}

/**
 * @param path as the operator wrote it, for messages
 * @throws UsageError naming the file, and the line where there is one
 */
export function parseProperties(content: string, path: string): PropertiesContent {
  const binaryAt = content.indexOf('\u0000')
  if (binaryAt >= 0) {
    const line = lineOf(content, binaryAt)
    throw new UsageError(
      `${path} line ${line}: not a properties file: it holds a zero byte; expected lines of "spark.key value"`,
    )
  }
  const entries = parsedEntries(content, path)
  return {
    entries: entries.filter((entry) => entry.name.startsWith('spark.')),
    foreign: entries.filter((entry) => !entry.name.startsWith('spark.')),
  }
}

function parsedEntries(content: string, path: string): PropertiesEntry[] {
  try {
    return new Properties(content).getProperties().map((node) => ({
      name: node.key,
      // Spark trims values too; a trailing blank in a port would otherwise be a riddle.
      value: node.value.trim(),
      line: node.startingLineNumber,
    }))
  } catch (error) {
    const escape = /\\u(?![0-9a-fA-F]{4})[^\r\n]{0,4}/.exec(content)
    const place = escape === null ? path : `${path} line ${lineOf(content, escape.index)}`
    const what = escape === null ? (error as Error).message : `malformed ${quoted(escape[0])}`
    throw new UsageError(
      `${place}: ${what}; expected four hexadecimal digits after \\u, or \\\\ for a backslash`,
      { cause: error },
    )
  }
}

function lineOf(content: string, at: number): number {
  return content.slice(0, at).split(/\r\n|\r|\n/).length
}

/** @throws UsageError when the file is missing, not a readable file, too large, not UTF-8, or malformed */
export function readProperties(path: string): PropertiesContent {
  return parseProperties(readText(path), path)
}

/** Like readProperties, but null when nothing is there: the default file need not exist. */
export function readPropertiesIfPresent(path: string): PropertiesContent | null {
  return statSync(path, { throwIfNoEntry: false }) === undefined ? null : readProperties(path)
}

function readText(path: string): string {
  let bytes: Uint8Array
  try {
    const status = statSync(path)
    if (!status.isFile()) throw new UsageError(`properties file ${quoted(path)} is not a file`)
    if (status.size > MAX_FILE_BYTES) {
      throw new UsageError(
        `properties file ${quoted(path)} has ${status.size} bytes: expected at most ${MAX_FILE_BYTES}`,
      )
    }
    bytes = readFileSync(path)
  } catch (error) {
    if (error instanceof UsageError) throw error
    const code = (error as NodeJS.ErrnoException).code
    const reason = code === 'ENOENT' ? 'does not exist' : `can't be read: ${code}`
    throw new UsageError(`properties file ${quoted(path)} ${reason}`, { cause: error })
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    const decoded = new TextDecoder('utf-8').decode(bytes)
    const line = lineOf(decoded, decoded.indexOf('\ufffd'))
    throw new UsageError(`${path} line ${line}: not UTF-8 text; save the file as UTF-8`, {
      cause: error,
    })
  }
}
