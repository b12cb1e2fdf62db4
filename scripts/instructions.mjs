#!/usr/bin/env node
// What the hot paths of the core cost in instructions, which do not depend on what else the machine does: counted by
// callgrind over native/test/bench_instructions.cc and held against native/test/instructions.txt. A path that costs
// more than it did fails; so does one that costs more in a larger cluster. `--update` writes what is counted now,
// `--profile PATH` says where the instructions of one path are spent.
import { execFile, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const kept = join(root, 'native/test/instructions.txt')
const binary = join(root, 'build/native-bench/instructions')
// The same source and tools count the same to the last instruction; this much is room for changes nearby.
const tolerance = 0.03
// Of the larger cluster's cost to the smaller one's: trees are deeper there, nothing else may be.
const growth = 1.5
const compiler = process.env['CXX'] ?? 'g++'

function output(command, ...args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
  })
  if (status === 0) return stdout
  throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`)
}

/** Counts of another compiler or C library differ by more than a regression would. */
function toolchain() {
  const [named = compiler] = output(compiler, '--version').split('\n')
  const { glibcVersionRuntime: libc = 'none' } = process.report.getReport().header
  return `${named.replace(/^\S+ /, 'g++ ')}, glibc ${libc}, ${process.arch}`
}

/** Two processors with different vector units run different variants of memcpy. */
const environment = { PATH: process.env['PATH'], GLIBC_TUNABLES: 'glibc.cpu.hwcaps=-AVX2,-AVX512F' }

async function counted(path, ...options) {
  const { stdout, stderr } = await promisify(execFile)(
    'valgrind',
    ['--tool=callgrind', '--instr-atstart=no', '--collect-atstart=no', ...options, binary, path],
    { env: environment },
  )
  const collected = /Collected : (\d+)/.exec(stderr)
  const operations = Number(stdout)
  if (!collected || !(operations > 0)) throw new Error(`${path}: nothing was counted: ${stderr}`)
  return Math.round(Number(collected[1]) / operations)
}

/** @returns instructions of one operation, by path */
async function countAll(paths) {
  const counts = new Map(paths.map((path) => [path, 0]))
  const left = [...paths]
  const lane = async () => {
    for (let path = left.shift(); path; path = left.shift())
      counts.set(path, await counted(path, '--callgrind-out-file=/dev/null'))
  }
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 8) }, lane))
  return counts
}

/** @returns the tools that they were counted with, and the counts */
function readKept() {
  const lines = readFileSync(kept, 'utf8').trimEnd().split('\n')
  const tools = lines.find((line) => line.startsWith('# with '))?.slice('# with '.length)
  const rows = lines
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.trim().split(/\s{2,}/))
  return { tools, counts: new Map(rows.map(([count, path]) => [path, Number(count)])) }
}

function write(tools, counts) {
  const rows = [...counts].map(([path, count]) => `${String(count).padStart(9)}  ${path}`)
  const head = `# Instructions of one operation, by scripts/instructions.mjs --update (CONTRIBUTING.md).\n# with ${tools}\n`
  writeFileSync(kept, `${head}${rows.join('\n')}\n`)
}

const percent = (now, before) =>
  `${now > before ? '+' : ''}${((now / before - 1) * 100).toFixed(1)} %`

/** What has become dearer or cheaper than it was, and what is new or gone. */
function compare(now, before) {
  const all = { dearer: [], cheaper: [], unknown: [] }
  for (const [path, count] of now) {
    const was = before.get(path)
    const line = `${path}: ${was} -> ${count} instructions (${was && percent(count, was)})`
    if (!was) all.unknown.push(`${path} is not in it`)
    else if (count > was * (1 + tolerance)) all.dearer.push(line)
    else if (count < was * (1 - tolerance)) all.cheaper.push(line)
  }
  for (const path of before.keys())
    if (!now.has(path)) all.unknown.push(`${path} is not counted any more`)
  return all
}

/** Paths that differ in the size of the cluster alone may differ in the depth of a tree alone. */
function growing(counts) {
  const smallest = new Map()
  return [...counts].flatMap(([path, count]) => {
    const size = /, \d+ (workers|waiting)\b.*/
    if (!size.test(path)) return []
    const key = path.replace(size, '')
    if (!smallest.has(key)) smallest.set(key, { path, count })
    const least = smallest.get(key)
    return count <= least.count * growth
      ? []
      : [
          `${path}: ${count} instructions, ${least.path}: ${least.count}; at most ${growth} times as many may be`,
        ]
  })
}

function say(heading, lines) {
  if (lines.length > 0) console.log(`${heading}\n${lines.map((line) => `  ${line}`).join('\n')}`)
}

output('make', '-s', '-C', join(root, 'native'), 'instructions', `CXX=${compiler}`)
const paths = output(binary).trimEnd().split('\n')
const profiled = process.argv.indexOf('--profile')
if (profiled > 0) {
  const path = process.argv[profiled + 1]
  if (!paths.includes(path)) {
    console.error(`instructions: --profile takes one of:\n${paths.join('\n')}`)
    process.exit(1)
  }
  const file = join(root, 'build/native-bench/callgrind.out')
  console.log(`${await counted(path, `--callgrind-out-file=${file}`)} instructions an operation`)
  console.log(output('callgrind_annotate', '--inclusive=yes', '--show-percs=yes', file))
  process.exit()
}

const now = await countAll(paths)
const grown = growing(now)
say('The cost of an event must not depend on the size of the cluster:', grown)
const tools = toolchain()
if (process.argv.includes('--update')) {
  write(tools, now)
  process.exit(grown.length > 0 ? 1 : 0)
}
const before = readKept()
const { dearer, cheaper, unknown } = compare(now, before.counts)
const same = before.tools === tools
if (!same)
  console.log(
    `NOT COMPARED: native/test/instructions.txt was counted with ${before.tools}, here is ${tools}; what differs is shown and fails nothing`,
  )
say(`Cost more than ${tolerance * 100} % more than in native/test/instructions.txt:`, dearer)
say(`Cost less now; keep it so with node scripts/instructions.mjs --update:`, cheaper)
say(
  'native/test/instructions.txt has other paths; node scripts/instructions.mjs --update:',
  unknown,
)
if (dearer.length > 0)
  console.log(
    'Find out where with node scripts/instructions.mjs --profile PATH. If what it buys is worth it, --update and say so in the commit.',
  )
console.log(`${now.size} paths counted, ${dearer.length} dearer, ${cheaper.length} cheaper`)
process.exit(grown.length > 0 || unknown.length > 0 || (same && dearer.length > 0) ? 1 : 0)
