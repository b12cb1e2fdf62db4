/**
 * The process of every daemon: bin/magneto and bin/spark-class become it. Reads the argument list, starts what it
 * names, and ends with its status.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

import { magnetoHome } from '../conf/load.js'
import { run } from './run.js'

// The daemons are loaded only when they run: help and refusals answer at once, without the native core.
const status = await run(process.argv.slice(2), {
  env: process.env,
  signals: process,
  exit: (code) => process.exit(code),
  stdout: (text) => void writeSync(1, text),
  stderr: (text) => void writeSync(2, text),
  startMaster: async (options) => {
    detach()
    return (await import('../master/main.js')).startMaster(options)
  },
  startWorker: async (options) => {
    detach()
    return (await import('../worker/main.js')).startWorker(options)
  },
  version: async () => {
    const { SPARK_VERSIONS } = await import('../control/runtimes.js')
    const manifest = JSON.parse(
      readFileSync(join(magnetoHome(process.env), 'package.json'), 'utf8'),
    ) as { version: string }
    return `magneto ${manifest.version}\nserves Spark ${SPARK_VERSIONS.join(', ')}`
  },
  ready: reportReady,
})
process.exit(status)

/** Node undoes what nohup did, so a daemon that must outlive its terminal ignores HUP itself. */
function detach(): void {
  if (process.env['MAGNETO_DAEMON'] !== '1') return
  delete process.env['MAGNETO_DAEMON']
  process.on('SIGHUP', () => {})
}

/** Writes into the file that sbin/spark-daemon.sh made; when that is gone nobody waits any more. */
function reportReady(): void {
  const file = process.env['MAGNETO_READY_FILE']
  delete process.env['MAGNETO_READY_FILE']
  if (!file) return
  try {
    const descriptor = openSync(file, 'r+')
    writeSync(descriptor, 'ready\n')
    closeSync(descriptor)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
