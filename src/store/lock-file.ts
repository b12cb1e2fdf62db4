/** A lock file that names its owner, so that two masters never write one journal. */
import { readFile, unlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { StoreError } from './engine.js'

interface Owner {
  pid: number
  host: string
  /** Start of the process in clock ticks, where the system tells: process ids are reused. */
  started: string
}

async function startOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')')).split(' ')[20] ?? ''
  } catch {
    return ''
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  // A process of another host can't be asked: better refuse than corrupt.
  if (owner.host !== hostname()) return true
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return owner.started === (await startOf(owner.pid))
}

async function readOwner(path: string): Promise<Owner | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner
  } catch {
    return null
  }
}

export class LockFile {
  readonly #path: string
  #held = false

  constructor(path: string) {
    this.#path = path
  }

  /** @throws StoreError when a living process holds it */
  async acquire(): Promise<void> {
    const self: Owner = { pid: process.pid, host: hostname(), started: await startOf(process.pid) }
    for (let attempt = 0; attempt < 2; attempt += 1) {
      try {
        await writeFile(this.#path, JSON.stringify(self), { flag: 'wx' })
        this.#held = true
        return
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
          throw new StoreError(`can't write the lock ${this.#path}: ${String(error)}`, {
            cause: error,
          })
        }
      }
      const owner = await readOwner(this.#path)
      if (owner !== null && (await isAlive(owner))) {
        throw new StoreError(
          `${this.#path} is held by process ${owner.pid} on ${owner.host}; stop that master, or give this one another ` +
            'spark.deploy.recoveryDirectory (if that process is surely gone, remove the file)',
        )
      }
      await unlink(this.#path).catch(() => {})
    }
    throw new StoreError(`${this.#path} was taken by another master at the same moment; try again`)
  }

  async release(): Promise<void> {
    if (!this.#held) return
    this.#held = false
    await unlink(this.#path).catch(() => {})
  }
}
