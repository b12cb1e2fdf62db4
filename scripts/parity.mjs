#!/usr/bin/env node
// Writes docs/spark-parity.md: every row of docs/spark-parity.rows with the tests that carry its id in their title, or the
// line of docs/known-gaps.md that names it. `--check` writes nothing and fails when the page is stale, or when a row
// of priority 0 or 1 has neither.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const page = 'docs/spark-parity.md'
const read = (file) => readFileSync(join(root, file), 'utf8')
const most = 4

function sections() {
  const found = []
  for (const line of read('docs/spark-parity.rows').split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    if (line.startsWith('== ')) {
      found.push({ title: line.slice(3), rows: [] })
      continue
    }
    const row = /^([A-Z]\d+) ([012])(\*?) (.+)$/.exec(line)
    if (row === null) throw new Error(`docs/spark-parity.rows: not "ID PRIORITY[*] what": ${line}`)
    found
      .at(-1)
      .rows.push({ id: row[1], priority: Number(row[2]), theirs: row[3] === '*', what: row[4] })
  }
  return found
}

// "A12, A14 to A16" names four ids; so does "A14-A16".
export function idsIn(text) {
  const ids = new Set()
  for (const match of text.matchAll(/\b([A-Z])(\d+)(?: to |-)\1(\d+)\b/g))
    for (let number = Number(match[2]); number <= Number(match[3]); number += 1)
      ids.add(match[1] + number)
  for (const match of text.matchAll(/\b[A-Z]\d+\b/g)) ids.add(match[0])
  return ids
}

function titlesOf(file) {
  const text = read(file)
  if (file.endsWith('.txt')) return [...text.matchAll(/^== (.*)$/gm)].map((match) => match[1])
  if (file.endsWith('.cc'))
    return [...text.matchAll(/(?:TEST_CASE|SUBCASE)\(\s*"([^"]*)"/g)].map((match) => match[1])
  const titled =
    /\b(?:test|it|describe)(?:\.\w+)*(?:\([^'"`]*\)|\(\[[\s\S]*?\]\))?\(\s*(['"`])((?:(?!\1)[^\\]|\\.)*)\1/g
  // The first cell of a row of test.each, when it starts with an id.
  const cell = /\[\s*(['"`])([A-Z]\d+\b(?:(?!\1)[^\\]|\\.)*)\1/g
  return [...text.matchAll(titled), ...text.matchAll(cell)].map((match) => match[2])
}

function testsById() {
  const tests = new Map()
  const files = execFileSync(
    'git',
    ['ls-files', '-co', '--exclude-standard', 'test', 'native/test'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  )
    .trim()
    .split('\n')
    .filter((file) => /\.test\.ts$|^native\/test\/(?:tables\/.*\.txt|.*\.cc)$/.test(file))
    .filter((file) => !file.endsWith('README.md') && existsSync(join(root, file)))
  for (const file of files)
    for (const id of idsIn(titlesOf(file).join('\n')))
      tests.set(id, (tests.get(id) ?? new Set()).add(file))
  return tests
}

function evidence(id, tests, gaps) {
  const files = [...(tests.get(id) ?? [])]
  const named = files.slice(0, most).map((file) => `\`${file}\``)
  if (files.length > most) named.push(`and ${files.length - most} more`)
  if (gaps.has(id)) named.push('[known gap](known-gaps.md)')
  return named.join(', ')
}

function write() {
  const tests = testsById()
  const gaps = idsIn(read('docs/known-gaps.md'))
  const missing = []
  const lines = [
    '# Spark parity',
    '',
    'Written by `npm run parity` from the titles of the tests; do not edit. A row is a behaviour of Spark Standalone; P is its',
    'priority (0: nothing works without it, 1: an operator misses it within a day, 2: niche).',
  ]
  for (const { title, rows } of sections()) {
    lines.push('', `## ${title}`, '', '| id | P | behaviour | tested by |', '|---|---|---|---|')
    for (const { id, priority, theirs, what } of rows) {
      const proof = evidence(id, tests, gaps) || (theirs ? "Spark's own side" : '')
      if (proof === '' && priority < 2) missing.push(id)
      lines.push(`| ${[id, priority, what, proof || '-'].join(' | ')} |`)
    }
  }
  return { text: `${lines.join('\n')}\n`, missing }
}

const { text, missing } = write()
if (process.argv.includes('--check')) {
  const stale = !existsSync(join(root, page)) || read(page) !== text
  if (stale) console.error(`${page} is stale: run npm run parity and commit it`)
  if (missing.length > 0)
    console.error(`neither tested nor named in docs/known-gaps.md: ${missing.join(', ')}`)
  process.exitCode = stale || missing.length > 0 ? 1 : 0
} else {
  writeFileSync(join(root, page), text)
  console.log(missing.length === 0 ? 'every row has its proof' : `missing: ${missing.join(', ')}`)
}
