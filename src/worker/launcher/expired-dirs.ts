/**
 * Folders of ended applications (W16, Y11), one at a time. Runs in the launcher's threads, in small steps: an entry
 * at a time, so that executors are watched meanwhile.
 */
import type { Stats } from 'node:fs'
import { lstat, opendir, readdir, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'

import { quoted } from '../../conf/errors.js'
import { isOwnDir, MARKER } from '../work-dir.js'

/** Marked folders that one pass looks at; names of so many fit in memory. */
const MAX_FOLDERS = 100_000
/** What one folder may hold, so that one pass ends. */
const MAX_ENTRIES = 1_000_000
const MAX_DEPTH = 64

/** @returns names of the folders in `workDir` that workers of this kind have made */
export async function ownDirs(workDir: string, maxFolders = MAX_FOLDERS): Promise<string[]> {
  const names: string[] = []
  for await (const entry of await opendir(workDir)) {
    if (!entry.isDirectory() || !(await isOwnDir(workDir, entry.name))) continue
    names.push(entry.name)
    if (names.length >= maxFolders) break
  }
  return names
}

/** Says that an application lives, to the other workers that share the work folder. */
export async function keepDir(workDir: string, name: string, nowMs: number): Promise<void> {
  if (!(await isOwnDir(workDir, name))) return
  await utimes(join(workDir, name, MARKER), nowMs / 1000, nowMs / 1000)
}

/**
 * Removes a folder of ours in which nothing is newer than `cutoffMs`, ms since the epoch.
 *
 * @returns whether it did
 * @throws Error when it can't be told, or can't be removed
 */
export async function removeExpiredDir(
  workDir: string,
  name: string,
  cutoffMs: number,
): Promise<boolean> {
  if (!(await isOwnDir(workDir, name))) return false
  const folder = join(workDir, name)
  if (await holdsNewer(folder, cutoffMs, { entriesLeft: MAX_ENTRIES })) return false
  // The marker goes last: what is cut off in between is still ours afterwards.
  for (const child of await readdir(folder)) {
    if (child !== MARKER) await rm(join(folder, child), { recursive: true, force: true })
  }
  await rm(folder, { recursive: true, force: true })
  return true
}

/** Links are looked at, never followed. */
async function holdsNewer(
  folder: string,
  cutoffMs: number,
  budget: { entriesLeft: number },
  depth = 0,
): Promise<boolean> {
  if (depth > MAX_DEPTH) throw new Error(`${quoted(folder)} lies deeper than ${MAX_DEPTH} folders`)
  for await (const entry of await opendir(folder)) {
    if (budget.entriesLeft === 0) throw new Error(`more than ${MAX_ENTRIES} files and folders`)
    budget.entriesLeft -= 1
    const path = join(folder, entry.name)
    const found = await statOrNull(path)
    if (found === null) continue
    if (found.mtimeMs > cutoffMs) return true
    if (found.isDirectory() && (await holdsNewer(path, cutoffMs, budget, depth + 1))) return true
  }
  return false
}

/** @returns null when it has gone meanwhile */
async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await lstat(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
