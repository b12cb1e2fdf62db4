#!/usr/bin/env node
// Fetches another Node line for the tests, from npm into the user's cache folder: `node scripts/fetch-node.mjs 24.21.0`.
// Prints the folder of its `node` binary.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDir } from './fetch-spark.mjs'

const version = process.argv[2] ?? ''
const platform = `node-${process.platform}-${process.arch}`
if (!/^\d+\.\d+\.\d+$/.test(version)) {
  console.error(`fetch-node: '${version}' is no Node release; expected something like 24.21.0`)
  process.exit(1)
}
const prefix = join(cacheDir(), `node-${version}`)
const folder = join(prefix, 'node_modules', platform, 'bin')
if (!existsSync(join(folder, 'node'))) {
  mkdirSync(prefix, { recursive: true })
  const args = ['install', '--prefix', prefix, '--no-save', `${platform}@${version}`]
  const done = spawnSync('npm', args, { encoding: 'utf8', cwd: prefix })
  if (done.status !== 0 || !existsSync(join(folder, 'node'))) {
    console.error(`fetch-node: npm install ${platform}@${version} failed:\n${done.stderr}`)
    process.exit(1)
  }
}
console.log(folder)
