#!/usr/bin/env node
// Fetches real Apache Spark distributions for the end-to-end tests: `node scripts/fetch-spark.mjs 4.3.0 3.5.9`.
// The PyPI package pyspark carries the jars, bin/ and Python sources; they are laid out like a distribution in
// the user's cache folder (MAGNETO_CACHE_DIR, else XDG_CACHE_HOME/magneto, else ~/.cache/magneto). Prints one
// path a version. A version that is already there costs nothing.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export function cacheDir() {
  const { MAGNETO_CACHE_DIR: own, XDG_CACHE_HOME: xdg } = process.env
  return own ?? (xdg ? join(xdg, 'magneto') : join(homedir(), '.cache', 'magneto'))
}

/** @returns where the distribution of this version is, or would be */
export function sparkHome(version) {
  return join(cacheDir(), `spark-${version}`)
}

function run(command, args, cwd) {
  const done = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (done.error) throw new Error(`${command}: ${done.error.message}`)
  if (done.status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${done.status}:\n${done.stderr}`)
}

export function fetchSpark(version) {
  if (!/^\d+\.\d+\.\d+$/.test(version)) {
    throw new Error(`'${version}' is no Spark release; expected something like 4.3.0`)
  }
  const home = sparkHome(version)
  if (existsSync(join(home, 'jars'))) return home
  mkdirSync(cacheDir(), { recursive: true })
  // Beside its final place: the rename at the end is then atomic, and a half-made copy is never used.
  const scratch = mkdtempSync(join(cacheDir(), `fetch-${version}-`))
  try {
    const pip = ['-m', 'pip', 'download', '-q', '--no-deps', '--no-binary', ':all:', '-d', scratch]
    run('python3', [...pip, `pyspark==${version}`], scratch)
    run('tar', ['xzf', join(scratch, `pyspark-${version}.tar.gz`), '-C', scratch], scratch)
    const unpacked = join(scratch, `pyspark-${version}`)
    const made = join(scratch, 'distribution')
    mkdirSync(join(made, 'python'), { recursive: true })
    for (const part of readdirSync(join(unpacked, 'deps'))) {
      renameSync(join(unpacked, 'deps', part), join(made, part))
    }
    renameSync(join(unpacked, 'pyspark'), join(made, 'python', 'pyspark'))
    renameSync(join(unpacked, 'lib'), join(made, 'python', 'lib'))
    renameSync(made, home)
  } catch (error) {
    if (!existsSync(join(home, 'jars'))) throw error
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  return home
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    for (const version of process.argv.slice(2)) console.log(fetchSpark(version))
  } catch (error) {
    console.error(`fetch-spark: ${error.message}`)
    process.exitCode = 1
  }
}
