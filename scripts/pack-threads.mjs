#!/usr/bin/env node
// Packs each thread of the master into one file, in place: of a hundred modules each, most of a start went into finding, opening
// and linking them one by one. What an application may load too, such as the packages, stays outside.
import { readFile } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { build } from 'esbuild'

const THREADS = ['spark/gateway-thread.js', 'ui/web-thread.js']

const depthOf = (path) => path.split(sep).length

/** Refuses what asks where it is (import.meta) and would look for its files elsewhere from the packed one. */
const keepsItsPlace = (entry) => ({
  name: 'keeps-its-place',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, async ({ path }) => {
      if (depthOf(path) === depthOf(entry)) return null
      if (!/\bimport\.meta\b/.test(await readFile(path, 'utf8'))) return null
      const text = `${path} asks where it is (import.meta), and lies at another depth than ${entry}, into which it is packed`
      return { errors: [{ text }] }
    })
  },
})

/**
 * @param entry the file of a thread, as tsc has made it; becomes the packed one
 * @throws Error when it can't be packed; it is left as it is then
 */
export async function pack(entry) {
  await build({
    entryPoints: [entry],
    outfile: entry,
    allowOverwrite: true,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20.15',
    sourcemap: true,
    logLevel: 'silent',
    plugins: [keepsItsPlace(entry)],
  })
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = dirname(dirname(fileURLToPath(import.meta.url)))
  for (const thread of THREADS) await pack(join(root, 'dist/src', thread))
}
