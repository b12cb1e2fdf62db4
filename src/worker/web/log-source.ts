/**
 * From whose log is meant to the file that holds it. Ids come from anybody who can reach the port: whatever they
 * are, nothing outside the work folder is read but this worker's own log.
 */
import { realpath } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'

import { ownLog } from '../../log-files/own-log.js'
import { BadLogRequest } from '../../log-files/page.js'
import { driverDir, executorDir, WorkDirError } from '../work-dir.js'
import type { LogRequest } from './log-request.js'

export interface LogPlaces {
  workDir: string
  /** SPARK_LOG_DIR: where this worker's own log is if its output does not tell. */
  logDir: string
  /** For tests: what leads to the output of this process. */
  standardOutput?: string
}

export interface LogSource {
  folder: string
  /** Of the log that is written to, in that folder. */
  file: string
}

export const WORKER_CLASS = 'org.apache.spark.deploy.worker.Worker'

/** @returns null when there is no such folder @throws BadLogRequest when the id is no folder's name */
export async function logSource(
  { owner, logType }: Pick<LogRequest, 'owner' | 'logType'>,
  { workDir, ...places }: LogPlaces,
): Promise<LogSource | null> {
  if (owner === null) {
    const path = await ownLog({ ...places, className: WORKER_CLASS })
    return path === null ? null : { folder: dirname(path), file: basename(path) }
  }
  const folder = folderOf(owner, workDir)
  const real = await realpath(folder).catch(() => null)
  if (real === null) return null
  // The work folder itself may be reached by a link; nothing below it may.
  const expected = join(await realpath(workDir), relative(workDir, folder))
  return real === expected ? { folder, file: logType } : null
}

function folderOf(owner: NonNullable<LogRequest['owner']>, workDir: string): string {
  try {
    if ('driverId' in owner) return driverDir(workDir, owner.driverId)
    return executorDir(workDir, owner.appId, owner.executorId)
  } catch (error) {
    if (error instanceof WorkDirError) throw new BadLogRequest(error.message)
    throw error
  }
}
