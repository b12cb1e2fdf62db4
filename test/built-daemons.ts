/** Master and worker as they are built, started in the process of a test. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Master from '../src/master/main.js'
import type * as Worker from '../src/worker/main.js'

export const root = resolve(import.meta.dirname, '..')

async function built(path: string): Promise<unknown> {
  const file = join(root, 'dist/src', path)
  if (!existsSync(file)) throw new Error('dist is not built; run npm run build')
  return import(pathToFileURL(file).href)
}

/** What both are started with: any free ports of this machine. */
export const anyPorts = {
  host: '127.0.0.1',
  port: 0,
  webUiPort: 0,
  webUiHost: '127.0.0.1',
  publicHost: '127.0.0.1',
  home: root,
} as const

/** @throws Error when they have not been built */
export async function builtDaemons(): Promise<
  Pick<typeof Master, 'startMaster'> & Pick<typeof Worker, 'startWorker'>
> {
  const { startMaster } = (await built('master/main.js')) as typeof Master
  const { startWorker } = (await built('worker/main.js')) as typeof Worker
  return { startMaster, startWorker }
}
