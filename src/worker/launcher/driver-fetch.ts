/**
 * Brings a driver's jar, or script, onto this machine (W14): what is already there is taken as it is, and nothing
 * half done ever stands under a file's own name.
 */
import { constants } from 'node:fs'
import { access, copyFile, rename, rm, stat } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'

import { quoted } from '../../conf/errors.js'
import { isPlainName, MARKER } from '../work-dir.js'
import { download } from './driver-download.js'

/** A file that is under way is called `.<name>.part`. */
const MAX_NAME_BYTES = 240
/** What else is in the folder. */
const RESERVED = /^(?:stdout|stderr|node_modules|resource-driver-.*)$/

export interface FetchOptions {
  /** The driver's folder. */
  directory: string
  /** Aborted: the driver is killed. */
  signal: AbortSignal
  /** Gets what only Hadoop's file systems can; null: this driver has none. */
  hadoop: ((url: string, destination: string) => Promise<void>) | null
}

/** A jar that can't be had. The message names its URL without secrets, what failed and what to do. */
export class FetchError extends Error {
  override readonly name = 'FetchError'
}

interface Location {
  /** In lower case; null: a plain path. */
  scheme: string | null
  host: string
  /** Decoded. */
  path: string
}

/**
 * @returns the file's path; the driver's folder when there is nothing to fetch, as in Spark
 * @throws FetchError
 */
export async function fetchJar(url: string, options: FetchOptions): Promise<string> {
  if (url === '') return options.directory
  const { scheme, host, path } = locate(url)
  if (scheme === 'local') return inPlace(url, { host, path })
  const name = fileNameOf(url, path)
  const destination = join(options.directory, name)
  if (await exists(destination)) return destination
  const partial = join(options.directory, `.${name}.part`)
  try {
    if (scheme === null || scheme === 'file') await copyFrom(url, { host, path }, partial)
    else if (scheme === 'http' || scheme === 'https') await download(url, partial, options.signal)
    else await viaHadoop(url, scheme, partial, options)
    options.signal.throwIfAborted()
    await rename(partial, destination)
  } catch (error) {
    await rm(partial, { force: true, recursive: true })
    if (options.signal.aborted) throw new FetchError('Killed while its jar was fetched')
    if (error instanceof FetchError) throw error
    throw failed(url, (error as Error).message)
  }
  return destination
}

/**
 * Where a script is that runs from its own folder, beside the modules that it imports; null when it has to be fetched.
 *
 * @throws FetchError
 */
export async function scriptInPlace(url: string): Promise<string | null> {
  const { scheme, host, path } = locate(url)
  return scheme === null || scheme === 'file' || scheme === 'local'
    ? await inPlace(url, { host, path })
    : null
}

/** @returns the URL without what may be secret: user, password and query */
export function shownUrl(url: string): string {
  return url.replace(/^([A-Za-z][A-Za-z0-9+.-]*:\/\/)[^/?#@]*@/, '$1').replace(/[?#].*$/s, '')
}

export function failed(
  url: string,
  why: string,
  advice = 'name a URL that every worker can read',
): FetchError {
  return new FetchError(
    `the driver's file ${quoted(shownUrl(url))} can't be had: ${why}; ${advice}`,
  )
}

/** @throws FetchError */
function locate(url: string): Location {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/([^/?#]*))?([^?#]*)/s.exec(url)
  if (match === null) return { scheme: null, host: '', path: url }
  const [, scheme = '', host = '', path = ''] = match
  try {
    return { scheme: scheme.toLowerCase(), host, path: decodeURIComponent(path) }
  } catch {
    throw failed(url, 'a % in it is not followed by two hexadecimal digits', 'write it as %25')
  }
}

/** @throws FetchError */
function fileNameOf(url: string, path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const usable = isPlainName(name, MAX_NAME_BYTES) && name !== MARKER && !RESERVED.test(name)
  if (usable) return name
  throw failed(
    url,
    `its last part, ${quoted(name)}, is no name that a file in the driver's folder can have`,
    `end the URL in a file name of 1 to ${MAX_NAME_BYTES} bytes that is not taken by the worker`,
  )
}

/** @throws FetchError unless it is a file of this machine that can be read */
async function inPlace(url: string, { host, path }: Omit<Location, 'scheme'>): Promise<string> {
  if (host !== '' && host !== 'localhost') {
    throw failed(url, `it names the host ${quoted(host)}`, 'write it with three slashes')
  }
  if (!isAbsolute(path))
    throw failed(url, 'its path is not absolute', 'begin the path with a slash')
  const advice = 'put it there on every worker, or name an http or hdfs URL'
  try {
    if (!(await stat(path)).isFile()) throw failed(url, 'it is no plain file', advice)
    await access(path, constants.R_OK)
  } catch (error) {
    if (error instanceof FetchError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw failed(url, code === 'ENOENT' ? 'it is not on this worker' : message, advice)
  }
  return path
}

async function copyFrom(
  url: string,
  location: Omit<Location, 'scheme'>,
  partial: string,
): Promise<void> {
  await copyFile(await inPlace(url, location), partial, constants.COPYFILE_FICLONE)
}

async function viaHadoop(
  url: string,
  scheme: string,
  partial: string,
  { hadoop }: FetchOptions,
): Promise<void> {
  const advice = 'name a file, local, http or https URL'
  if (scheme === 'spark') throw failed(url, 'drivers serve no files to workers', advice)
  if (hadoop === null) throw failed(url, `there is no Spark here that could read ${scheme}`, advice)
  await hadoop(url, partial)
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
