/**
 * Folders of executors (W2) and of their scratch data (W3). Names come from the wire: none of them leads out of
 * the work folder. Runs in the launcher's threads.
 */
import { randomUUID } from 'node:crypto'
import { chmodSync, constants, mkdirSync, writeFileSync } from 'node:fs'
import { access, chmod, mkdir, open, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'

import { quoted } from '../conf/errors.js'

const MAX_NAME_BYTES = 255
const MAX_EXECUTOR_ID = 0xffff_ffff
const PRIVATE_MODE = 0o700

/** In each folder of an application or driver that a worker made; holds the folder's name. Without it a folder is foreign (Y11). */
export const MARKER = '.magneto-application'
const MARKER_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** An order that names a folder which this worker must not touch. */
export class WorkDirError extends Error {
  override readonly name = 'WorkDirError'
}

/** Whether it is the name of one file or folder, of at most `maxBytes`. */
export function isPlainName(name: string, maxBytes = MAX_NAME_BYTES): boolean {
  return (
    name !== '' &&
    name !== '.' &&
    name !== '..' &&
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    !/[/\\\u0000-\u001f\u007f]/.test(name) &&
    Buffer.byteLength(name) <= maxBytes
  )
}

/** @throws WorkDirError unless the id is one plain folder name */
function checkId(what: 'application' | 'driver', id: string): string {
  if (isPlainName(id)) return id
  throw new WorkDirError(
    `${what} id ${quoted(id)} is no folder name: it must be 1 to ${MAX_NAME_BYTES} bytes without slashes and control characters`,
  )
}

/** @throws WorkDirError unless `appId` is one plain folder name */
export function checkAppId(appId: string): string {
  return checkId('application', appId)
}

/** @returns `<workDir>/<driverId>` @throws WorkDirError when it would lie elsewhere */
export function driverDir(workDir: string, driverId: string): string {
  return join(resolve(workDir), checkId('driver', driverId))
}

/** Makes `<workDir>/<driverId>`, marked as ours, or finds it. */
export function createDriverDir(folder: string): void {
  const first = mkdirSync(folder, { recursive: true })
  if (first !== undefined) writeFileSync(join(folder, MARKER), basename(folder))
}

/** @returns `<workDir>/<appId>/<executorId>` @throws WorkDirError when it would lie elsewhere */
export function executorDir(workDir: string, appId: string, executorId: number): string {
  if (!Number.isInteger(executorId) || executorId < 0 || executorId > MAX_EXECUTOR_ID) {
    throw new WorkDirError(`executor id ${executorId} is no whole number from 0`)
  }
  const root = resolve(workDir)
  const folder = join(root, checkAppId(appId), String(executorId))
  // The check above is enough; this one holds should it ever be wrong.
  if (dirname(dirname(folder)) !== root) {
    throw new WorkDirError(`executor ${quoted(appId)}/${executorId} leads out of ${root}`)
  }
  return folder
}

/**
 * Makes `<workDir>/<appId>/<executorId>`, or finds it. The application's folder is marked as ours when it was not
 * there before.
 */
export function createExecutorDir(folder: string): void {
  const first = mkdirSync(folder, { recursive: true })
  // The application's folder was there, and is marked or somebody else's.
  if (first === undefined || first === folder) return
  const application = dirname(folder)
  writeFileSync(join(application, MARKER), basename(application))
}

/** Whether a worker made `<workDir>/<name>` and nobody has renamed or copied it since. */
export async function isOwnDir(workDir: string, name: string): Promise<boolean> {
  const file = await open(join(workDir, name, MARKER), MARKER_FLAGS).catch(() => null)
  if (file === null) return false
  try {
    if (!(await file.stat()).isFile()) return false
    const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_NAME_BYTES + 1))
    return buffer.toString('utf8', 0, bytesRead) === name
  } catch {
    return false
  } finally {
    await file.close()
  }
}

/** Makes the work folder or finds it usable (C12). @throws WorkDirError */
export async function prepareWorkDir(workDir: string): Promise<void> {
  try {
    await mkdir(workDir, { recursive: true })
    if (!(await stat(workDir)).isDirectory()) throw new Error('it is no folder')
    await access(workDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new WorkDirError(
      `work folder ${quoted(workDir)} can't be used: ${(error as Error).message}; name another one with --work-dir`,
    )
  }
}

/** Where scratch folders go: SPARK_LOCAL_DIRS (E9), spark.local.dir (P44), the system's. */
export function localDirRoots(
  env: NodeJS.ProcessEnv,
  configured: readonly string[],
  systemTemporary: string,
): string[] {
  const listed = (env['SPARK_LOCAL_DIRS'] ?? '')
    .split(',')
    .map((root) => root.trim())
    .filter((root) => root !== '')
  const roots = [listed, configured].find((list) => list.length > 0) ?? [systemTemporary]
  return [...new Set(roots.map((root) => resolve(root)))]
}

export interface CreatedDirs {
  dirs: string[]
  /** One line for each folder that can't be used. */
  problems: string[]
}

/**
 * One folder `<prefix>-<uuid>`, mode 700, under each of `parents` that takes one.
 *
 * @throws WorkDirError when none does
 */
export async function createPrivateDirs(
  parents: readonly string[],
  prefix: 'spark' | 'executor',
): Promise<CreatedDirs> {
  const created: CreatedDirs = { dirs: [], problems: [] }
  for (const parent of parents) {
    const dir = join(parent, `${prefix}-${randomUUID()}`)
    try {
      await mkdir(dir, { recursive: true, mode: PRIVATE_MODE })
      // The mode of mkdir is cut by the umask.
      await chmod(dir, PRIVATE_MODE)
      created.dirs.push(dir)
    } catch (error) {
      created.problems.push(`scratch folder ${parent} can't be used: ${(error as Error).message}`)
    }
  }
  if (created.dirs.length === 0) throw noScratch(created.problems)
  return created
}

/** @returns a folder under each of `roots` that nobody has yet; `ensurePrivateDirs` makes them */
export function privateDirNames(roots: readonly string[], prefix: 'spark' | 'executor'): string[] {
  return roots.map((root) => join(root, `${prefix}-${randomUUID()}`))
}

/**
 * Makes each of `dirs`, mode 700, or finds it.
 *
 * @throws WorkDirError when there is none at last
 */
export function ensurePrivateDirs(dirs: readonly string[]): CreatedDirs {
  const made: CreatedDirs = { dirs: [], problems: [] }
  for (const dir of dirs) {
    try {
      const first = mkdirSync(dir, { recursive: true, mode: PRIVATE_MODE })
      // The mode of mkdir is cut by the umask.
      if (first !== undefined) chmodSync(dir, PRIVATE_MODE)
      made.dirs.push(dir)
    } catch (error) {
      made.problems.push(`scratch folder ${dir} can't be used: ${(error as Error).message}`)
    }
  }
  if (made.dirs.length === 0) throw noScratch(made.problems)
  return made
}

function noScratch(problems: readonly string[]): WorkDirError {
  return new WorkDirError(
    `no scratch folder can be used (SPARK_LOCAL_DIRS, spark.local.dir): ${problems.join('; ')}`,
  )
}

/** Removes folders that `createPrivateDirs` or `ensurePrivateDirs` made; anything else is left alone. */
export async function removePrivateDirs(dirs: readonly string[]): Promise<void> {
  for (const dir of dirs) {
    if (!/^(spark|executor)-[0-9a-f]{8}-[0-9a-f-]{27}$/.test(basename(dir))) {
      throw new WorkDirError(`${quoted(dir)} is no scratch folder of a worker; it stays`)
    }
    await rm(dir, { recursive: true, force: true, maxRetries: 2 })
  }
}
