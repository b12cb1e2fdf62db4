#!/usr/bin/env node
// Makes a checkout ready to run: dependencies, the native core and addons, dist/. Needs nothing but Node, so it is the first thing
// every npm script calls; what is up to date costs milliseconds.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
// The first with crc32 in node:zlib, which the journal stands on.
const oldestNode = [20, 15]

function fail(message) {
  console.error(`setup: ${message}`)
  process.exit(1)
}

function has(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
}

function checkMachine() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
    fail(`this is Node ${process.versions.node}; Magneto needs ${oldestNode.join('.')} or newer`)
  }
  const missing = []
  if (!has(process.env['CXX'] ?? 'c++') && !has('g++') && !has('clang++')) {
    missing.push('a C++20 compiler (Debian: g++)')
  }
  if (!has('make')) missing.push('make')
  if (!has('python3')) missing.push('python3 (node-gyp runs on it)')
  if (missing.length > 0)
    fail(`the native core can't be built here; missing: ${missing.join(', ')}`)
}

function filesUnder(path) {
  const whole = join(root, path)
  if (!existsSync(whole)) return []
  if (!statSync(whole).isDirectory()) return [path]
  return readdirSync(whole)
    .sort()
    .flatMap((name) => filesUnder(join(path, name)))
}

function fingerprint(paths) {
  const hash = createHash('sha256').update(process.version)
  for (const file of paths.flatMap(filesUnder))
    hash.update(file).update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

/** Runs a step when what it is made from has changed since it last succeeded. */
function step(name, made, inputs, run) {
  const stamp = join(root, 'build', `.${name}.stamp`)
  const now = fingerprint(inputs)
  const before = existsSync(stamp) ? readFileSync(stamp, 'utf8') : ''
  if (before === now && existsSync(join(root, made))) return
  console.log(`setup: ${name}`)
  run()
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, now)
}

function npm(...args) {
  const env = { ...process.env }
  // A Node that came with its headers needs no download of them.
  const prefix = dirname(dirname(process.execPath))
  if (existsSync(join(prefix, 'include', 'node', 'node_api.h')))
    env['npm_config_nodedir'] ??= prefix
  const done = spawnSync('npm', args, {
    cwd: root,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (done.status === 0) return
  process.stderr.write(`${done.stdout ?? ''}${done.stderr ?? ''}`)
  fail(`npm ${args.join(' ')} failed; what it printed is above`)
}

const native = [
  'binding.gyp',
  'native/core',
  'native/codec',
  'native/napi',
  'native/spawn',
  'native/tcp',
  'native/third_party',
]
checkMachine()
// `npm install` would build the core as well; built apart, a change of a TypeScript dependency doesn't rebuild it.
step('dependencies', 'node_modules/typescript', ['package.json', '.npmrc'], () =>
  npm('install', '--ignore-scripts', '--no-audit', '--no-fund'),
)
step('native-core', 'build/Release/magneto_core.node', native, () => npm('run', 'build:native'))
step(
  'typescript',
  'dist/src/app/index.js',
  ['src', 'examples', 'tsconfig.json', 'tsconfig.build.json', 'scripts/pack-threads.mjs'],
  () => npm('run', 'build:ts'),
)
