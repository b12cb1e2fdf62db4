#!/usr/bin/env node
// The gate, the same for everyone: format, lint, types, generated code, native tests under sanitizers, instructions of hot
// paths, fuzzers, all other tests. Steps of one thread run side by side. `--quick` leaves out the fuzzers; `--only NAME` runs
// one step. A tool that is missing skips its step with the reason on a user's machine and fails it in CI.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const inCi = Boolean(process.env['CI'])
const fuzzSeconds = 40
const quick = process.argv.includes('--quick')
const onlyAt = process.argv.indexOf('--only')
const only = onlyAt > 0 ? process.argv[onlyAt + 1] : null
const scratch = mkdtempSync(join(tmpdir(), 'magneto-check-'))
const report = join(scratch, 'vitest.json')
const totals = { passed: 0, failed: 0, skipped: 0 }

const bin = (name) => join(root, 'node_modules', '.bin', name)
const nativeFiles = () =>
  spawnSync(
    'git',
    ['ls-files', 'native/*.cc', 'native/*.h', ':!native/codec/gen', ':!native/third_party'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  )
    .stdout.trim()
    .split('\n')
    .filter(Boolean)

const steps = [
  {
    name: 'format',
    command: [bin('oxfmt'), '--check', 'src', 'test', 'bench', 'examples', 'scripts'],
  },
  {
    name: 'format-native',
    tool: 'clang-format',
    command: () => ['clang-format', '--dry-run', '-Werror', ...nativeFiles()],
  },
  { name: 'lint', command: [bin('oxlint'), '--type-aware', '--deny-warnings'] },
  { name: 'types', command: [bin('tsc'), '-p', 'tsconfig.json'] },
  { name: 'types-browser', command: [bin('tsc'), '-p', 'src/browser', '--noEmit'] },
  {
    name: 'generated',
    tool: 'flatc',
    command: [process.execPath, 'scripts/generate.mjs', '--check'],
  },
  { name: 'configuration', command: [bin('tsx'), 'scripts/configuration.mjs', '--check'] },
  { name: 'parity', command: [process.execPath, 'scripts/parity.mjs', '--check'] },
  { name: 'native', command: ['make', '-s', '-C', 'native', 'test'], count: countDoctest },
  {
    name: 'instructions',
    tool: 'valgrind',
    command: [process.execPath, 'scripts/instructions.mjs'],
  },
  {
    name: 'fuzz-control',
    slow: true,
    besideNext: true,
    command: ['make', '-s', '-C', 'native', 'fuzz', `SECONDS=${fuzzSeconds}`],
  },
  {
    name: 'fuzz-java',
    slow: true,
    command: [bin('tsx'), 'test/fuzz/java-reader.ts', String(fuzzSeconds)],
  },
  {
    name: 'tests',
    command: [
      bin('vitest'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ],
    count: countVitest,
  },
]

function countDoctest(output) {
  const found = /test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed/.exec(output)
  if (!found) throw new Error('the native tests printed no summary')
  totals.passed += Number(found[2])
  totals.failed += Number(found[3])
}

function countVitest() {
  const result = JSON.parse(readFileSync(report, 'utf8'))
  totals.passed += result.numPassedTests
  totals.failed += result.numFailedTests
  totals.skipped += result.numPendingTests + result.numTodoTests
}

/** @param quiet shows its output when it has ended, since another one runs beside it */
function execute(command, quiet) {
  return new Promise((resolve) => {
    const [file, ...args] = command
    const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const keep = (chunk) => {
      output += chunk
      if (!quiet) process.stdout.write(chunk)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', (error) => resolve({ status: 127, output: `${output}${error.message}` }))
    child.on('close', (status) => resolve({ status: status ?? 1, output }))
  })
}

async function runStep(step, { quiet }) {
  if (step.tool && spawnSync(step.tool, ['--version'], { stdio: 'ignore' }).status !== 0) {
    if (inCi) return { name: step.name, outcome: `FAILED: ${step.tool} is not installed` }
    return {
      name: step.name,
      outcome: `SKIPPED: ${step.tool} is not installed (CI runs this step)`,
    }
  }
  if (!quiet) console.log(`\n── ${step.name}`)
  const started = performance.now()
  const { status, output } = await execute(
    typeof step.command === 'function' ? step.command() : step.command,
    quiet,
  )
  if (quiet) process.stdout.write(`\n── ${step.name}\n${output}`)
  let outcome = status === 0 ? 'ok' : `FAILED (exit ${status})`
  try {
    step.count?.(output)
  } catch (error) {
    outcome = `FAILED: ${error.message}`
  }
  if (!step.count) totals[outcome === 'ok' ? 'passed' : 'failed'] += 1
  return { name: step.name, outcome, seconds: (performance.now() - started) / 1000 }
}

const chosen = steps.filter((step) => (only ? step.name === only : !(quick && step.slow)))
const results = []
while (chosen.length > 0) {
  const together = [chosen.shift()]
  while (together.at(-1).besideNext && chosen.length > 0) together.push(chosen.shift())
  const quiet = together.length > 1
  results.push(...(await Promise.all(together.map((step) => runStep(step, { quiet })))))
}
rmSync(scratch, { recursive: true })
console.log('\n── gate')
for (const { name, outcome, seconds } of results) {
  console.log(`${name.padEnd(16)} ${(seconds ?? 0).toFixed(1).padStart(7)} s  ${outcome}`)
}
const broken = results.filter(({ outcome }) => outcome.startsWith('FAILED'))
if (broken.length > 0 && totals.failed === 0) totals.failed = broken.length
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
process.exitCode = broken.length > 0 || results.length === 0 ? 1 : 0
