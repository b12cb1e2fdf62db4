/** Runs the operator's discovery scripts (G3): no shell, bounded in time and output, nothing of them stays behind. */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

export const MAX_OUTPUT_BYTES = 1024 * 1024
/** Drivers of accelerators may take half a minute to answer the first question after a boot. */
export const SCRIPT_TIMEOUT_MS = 60_000
/** What of a failed script's stderr is kept; its last line is shown. */
const MAX_STDERR_BYTES = 500

/**
 * Executes a file without arguments, in this process's folder and environment.
 *
 * @returns what it printed on stdout
 * @throws Error with what went wrong, as the end of a sentence that begins with the script's name
 */
export function runScript(path: string, timeoutMs = SCRIPT_TIMEOUT_MS): Promise<string> {
  return new Promise((fulfil, reject) => {
    // A group of its own: what the script starts ends with it.
    const child = spawn(resolve(path), { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    const endGroup = (): void => {
      if (child.pid === undefined) return
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {
        // Nobody is left in it.
      }
    }
    const settle = (problem: string | null): void => {
      clearTimeout(timer)
      process.off('exit', endGroup)
      endGroup()
      child.stdout.destroy()
      child.stderr.destroy()
      if (problem === null) fulfil(Buffer.concat(output).toString('utf8'))
      else reject(new Error(problem))
    }
    const timer = setTimeout(
      () => settle(`did not end within ${timeoutMs / 1000} s, and was killed`),
      timeoutMs,
    )
    // A worker that is told to stop meanwhile leaves no script behind.
    process.once('exit', endGroup)
    const output: Buffer[] = []
    let bytes = 0
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength
      if (bytes > MAX_OUTPUT_BYTES) settle(`printed more than ${MAX_OUTPUT_BYTES} bytes`)
      else output.push(chunk)
    })
    let complaint = Buffer.alloc(0)
    child.stderr.on('data', (chunk: Buffer) => {
      complaint = Buffer.concat([complaint, chunk]).subarray(-MAX_STDERR_BYTES)
    })
    child.once('error', (error: NodeJS.ErrnoException) => settle(whyNotStarted(error)))
    // What it leaves running would hold its output open.
    child.once('exit', endGroup)
    child.once('close', (code, signal) => {
      if (code === 0) return settle(null)
      const how = signal === null ? `ended with status ${code}` : `was ended by ${signal}`
      const said = complaint.toString('utf8').trim().split('\n').at(-1)?.trim() ?? ''
      settle(said === '' ? how : `${how} and said: ${JSON.stringify(said)}`)
    })
  })
}

function whyNotStarted({ code, message }: NodeJS.ErrnoException): string {
  // The interpreter in its first line may be what is missing.
  if (code === 'ENOENT') return 'is not there, or the program in its first line is not'
  if (code === 'EACCES') return 'is not executable for this user: chmod +x'
  return `can't be run: ${message}`
}
