/** The file that this daemon itself logs to (U8, Y1): wherever the script that started it has sent its output. */
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'

export interface OwnLogOptions {
  /** SPARK_LOG_DIR. */
  logDir: string
  /** What names of this daemon's logs contain: several daemons may share the folder. */
  className: string
  /** For tests. */
  standardOutput?: string
}

/** @returns its path, or null when the output goes to no file that is still there */
export async function ownLog(options: OwnLogOptions): Promise<string | null> {
  const { logDir, className, standardOutput = '/proc/self/fd/1' } = options
  const target = await readlink(standardOutput).catch(() => '')
  if (target.startsWith('/') && (await isPlainFile(target))) return target
  // Not on Linux, or the file was moved away: by its name then, as Spark does.
  const names = await readdir(logDir).catch((): string[] => [])
  const name = names
    .filter((each) => each.endsWith('.out') && each.includes(`-${className}-`))
    .toSorted()[0]
  return name === undefined ? null : join(logDir, name)
}

/** Why there is none, as the end of a sentence. */
export function noOwnLog(daemon: string, logDir: string): string {
  return `this ${daemon}'s output goes to no file that is there, and ${logDir} has none of it`
}

async function isPlainFile(path: string): Promise<boolean> {
  const facts = await lstat(path).catch(() => null)
  return facts?.isFile() ?? false
}
