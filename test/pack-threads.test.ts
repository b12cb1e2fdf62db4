/** scripts/pack-threads.mjs: the modules of a thread become one file, which finds what they found. */
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from 'vitest'

const script = new URL('../scripts/pack-threads.mjs', import.meta.url).href
const { pack } = (await import(script)) as { pack: (entry: string) => Promise<void> }

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'magneto-pack-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function file(path: string, text: string): string {
  const whole = join(root, path)
  mkdirSync(dirname(whole), { recursive: true })
  writeFileSync(whole, text)
  return whole
}

const WHERE = `import { readFileSync } from 'node:fs'
export const read = () => readFileSync(new URL('../files/text', import.meta.url), 'utf8')
`

test('one file is left to load, and modules find their files from there', async () => {
  const entry = file(
    'dist/one/thread.js',
    `import { parentPort } from 'node:worker_threads'
     import { read } from '../other/read.js'
     import { name } from '../other/deeper/name.js'
     const late = await import('../other/late.js')
     parentPort.postMessage([read(), name, late.default])\n`,
  )
  const read = file('dist/other/read.js', WHERE)
  file('dist/other/deeper/name.js', `export const name = 'deep'\n`)
  file('dist/other/late.js', `export default 'late'\n`)
  file('dist/files/text', 'found')
  file('package.json', '{ "type": "module" }\n')
  await pack(entry)
  rmSync(dirname(read), { recursive: true })
  const worker = new Worker(entry)
  expect(await once(worker, 'message')).toEqual([['found', 'deep', 'late']])
  await worker.terminate()
})

test('a module that would look for its files elsewhere is refused, and nothing is packed', async () => {
  const text = `import { read } from '../other/deeper/read.js'\nread()\n`
  const entry = file('dist/one/thread.js', text)
  const deep = file('dist/other/deeper/read.js', WHERE)
  await expect(pack(entry)).rejects.toThrow(`${deep} asks where it is (import.meta)`)
  expect(readFileSync(entry, 'utf8')).toBe(text)
})
