#!/usr/bin/env node
// Fetches Ray and Dask at the versions of requirements.txt from PyPI into the user's cache folder, once: `node
// bench/peers/fetch-peers.mjs`. Prints the Python in which they can be imported.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDir } from '../../scripts/fetch-spark.mjs'

const requirements = join(import.meta.dirname, 'requirements.txt')
const pythonOf = (folder) => join(folder, 'bin', 'python')

function run(command, args) {
  const done = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  if (done.error) throw new Error(`${command}: ${done.error.message}`)
  if (done.status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${done.status}:\n${done.stderr}`)
}

/** @returns the Python; @throws Error with the command that failed */
function fetchPeers() {
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const home = join(cacheDir(), `peers-${digest}`)
  if (existsSync(pythonOf(home))) return pythonOf(home)
  mkdirSync(cacheDir(), { recursive: true })
  // Beside its final place: the rename at the end is then atomic, and a half-made one is never used.
  const scratch = mkdtempSync(join(cacheDir(), 'fetch-peers-'))
  try {
    run('python3', ['-m', 'venv', scratch])
    const flags = ['-q', '--no-deps', '--only-binary', ':all:', '-r', requirements]
    run(pythonOf(scratch), ['-m', 'pip', 'install', ...flags])
    renameSync(scratch, home)
  } catch (error) {
    if (!existsSync(pythonOf(home))) throw error
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  return pythonOf(home)
}

try {
  console.log(fetchPeers())
} catch (error) {
  console.error(
    `fetch-peers: Ray and Dask need python3 with its modules venv and pip, and PyPI: ${error.message}`,
  )
  process.exit(1)
}
