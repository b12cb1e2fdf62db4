/**
 * The process of every daemon: bin/magneto and bin/spark-class become it. Reads the argument list, starts what it
 * names, and ends with its status.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

import { magnetoHome } from '../conf/load.js'
import { run } from './run.js'
import { ProcessTerminal } from './terminal.js'

const BROKEN_PIPE_STATUS = 141
const RETRY_AFTER_MS = 10

// The daemons are loaded only when they run: help and refusals answer at once, without the native core.
const status = await run(process.argv.slice(2), {
  env: process.env,
  signals: process,
  exit: (code) => process.exit(code),
  cwd: process.cwd(),
  stdout: (bytes) => writeAll(1, bytes),
  stderr: (bytes) => writeAll(2, bytes),
  terminal: () =>
    process.stdout.isTTY ? new ProcessTerminal(process, (text) => writeAll(1, text)) : null,
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

/** Whatever is written here is there when the process ends. */
function writeAll(descriptor: number, bytes: string | Uint8Array): void {
  let rest = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  while (rest.byteLength > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // Who reads has had enough, as `head` has; a shell sees 141 of a process that SIGPIPE ended.
      if (code === 'EPIPE') process.exit(BROKEN_PIPE_STATUS)
      // A terminal or a pipe that another process made non-blocking.
      if (code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_AFTER_MS)
    }
  }
}

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
