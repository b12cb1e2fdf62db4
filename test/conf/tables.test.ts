/** The tables that docs/configuration.md is written from: complete, and true to what the code reads. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

import { Configuration } from '../../src/conf/configuration.js'
import { MASTER_FLAGS, WORKER_FLAGS } from '../../src/conf/daemon-flags.js'
import { UsageError } from '../../src/conf/errors.js'
import { allKeys, keyGroups } from '../../src/conf/keys.js'
import { unknownKeyWarnings } from '../../src/conf/known-keys.js'
import { parseProperties } from '../../src/conf/properties.js'
import { INTERNAL_VARIABLES, JVM_VARIABLES, variableGroups } from '../../src/conf/variables.js'

const root = join(import.meta.dirname, '../..')

const listed = (folders: string[]): string[] =>
  execFileSync('git', ['ls-files', '-co', '--exclude-standard', ...folders], {
    cwd: root,
    encoding: 'utf8',
  })
    .trim()
    .split('\n')
    .filter((file) => existsSync(join(root, file)))

describe('keys', () => {
  test('each stands under one heading', () => {
    const grouped = keyGroups.flatMap(({ keys }) => keys.map(({ name }) => name))
    expect(grouped.toSorted()).toEqual(allKeys.map(({ name }) => name).toSorted())
  })

  test('what the page shows as a default is read as that default', () => {
    for (const key of allKeys) {
      const shown = key.parse.show(key.default)
      if (shown === 'not set' || shown === 'no limit') continue
      expect([key.name, key.parse(shown)]).toEqual([key.name, key.default])
    }
  })

  /** No key takes any of them, but for those that take any text. */
  const nonsense = ['%q bad', '(', '-1.5']

  test.each(allKeys.map((key) => [key.name, key] as const))(
    '%s: a bad value names its place and what was expected',
    (name, key) => {
      const refusals = nonsense.flatMap((text) => {
        const origins = new Map([[name, 'conf/spark-defaults.conf line 7']])
        try {
          new Configuration([[name, text]], origins).read(key)
          return []
        } catch (error) {
          return [error as UsageError]
        }
      })
      const free = /^(text|list, with (commas|colons))$/.test(key.parse.form)
      expect(refusals.length > 0).toBe(!free)
      for (const refusal of refusals) {
        expect(refusal).toBeInstanceOf(UsageError)
        expect(refusal.message).toContain(
          `bad value for ${name} (set in conf/spark-defaults.conf line 7): `,
        )
        expect(refusal.message).toMatch(/expected|such as|one of|true or false|a whole number from/)
      }
    },
  )
})

describe('variables', () => {
  const documented = variableGroups.flatMap(({ variables }) => variables.map(({ name }) => name))
  const known = new Set([...documented, ...JVM_VARIABLES, ...INTERNAL_VARIABLES])

  test('each is named once under its heading, and only once as what it is', () => {
    for (const { variables } of variableGroups) {
      expect(new Set(variables.map(({ name }) => name)).size).toBe(variables.length)
    }
    const others = [...JVM_VARIABLES, ...INTERNAL_VARIABLES]
    expect(others.filter((name) => documented.includes(name))).toEqual([])
  })

  /** With a file that reads it. */
  const used = new Map<string, string>()
  for (const file of listed(['src', 'bin', 'sbin'])) {
    if (file.startsWith('src/conf/variables.ts') || file.endsWith('.md')) continue
    const text = readFileSync(join(root, file), 'utf8')
    const pattern = file.endsWith('.ts')
      ? /'((?:SPARK|MAGNETO)_[A-Z_]+)'/g
      : /\$\{?((?:SPARK|MAGNETO)_[A-Z_]+)/g
    const constants = new Set([...text.matchAll(/^readonly ([A-Z_]+)=/gm)].map((match) => match[1]))
    for (const [, name] of text.matchAll(pattern)) {
      if (name !== undefined && !constants.has(name)) used.set(name, file)
    }
  }

  test('those that are read are in the table', () => {
    expect(used.size).toBeGreaterThan(20)
    // Links to logs come in pairs, whose common part is in the code.
    const listedAs = (name: string) => (name.endsWith('_LOG_URL') ? `${name}_STDOUT` : name)
    const missing = [...used].filter(([name]) => !known.has(listedAs(name)))
    expect(missing).toEqual([])
  })

  test('those in the table are read', () => {
    const sources = listed(['src', 'bin', 'sbin'])
      .filter((file) => !file.endsWith('.md') && !file.endsWith('conf/variables.ts'))
      .map((file) => readFileSync(join(root, file), 'utf8'))
      .join('\n')
    const searched = (name: string) => new RegExp(`\\b${name.replace(/_STDOUT$/, '')}\\b`)
    const idle = documented.filter((name) => !searched(name).test(sources))
    expect(idle).toEqual([])
  })
})

describe('templates', () => {
  const linesOf = (name: string) =>
    readFileSync(join(root, 'conf', name), 'utf8')
      .split('\n')
      .map((line) => line.replace(/^# /, ''))

  test('F2: what spark-defaults.conf.template shows is known and can be read', () => {
    const lines = linesOf('spark-defaults.conf.template').filter((line) =>
      /^spark\.\S+ +\S/.test(line),
    )
    const { entries } = parseProperties(lines.join('\n'), 'template')
    expect(entries.length).toBeGreaterThan(10)
    const configuration = new Configuration(entries.map(({ name, value }) => [name, value]))
    for (const key of allKeys) expect(() => configuration.read(key)).not.toThrow()
    expect(unknownKeyWarnings(configuration)).toEqual([])
    const known = new Set(allKeys.map(({ name }) => name))
    const free = /^spark\.worker\.resource\.gpu\./
    expect(entries.filter(({ name }) => !known.has(name) && !free.test(name))).toEqual([])
  })

  test('F1: what spark-env.sh.template shows is in the table of variables', () => {
    const documented = variableGroups.flatMap(({ variables }) => variables.map(({ name }) => name))
    const shown = linesOf('spark-env.sh.template').flatMap(
      (line) => /^([A-Z_]+)=/.exec(line)?.[1] ?? [],
    )
    expect(shown.length).toBeGreaterThan(20)
    for (const name of shown) expect(documented).toContain(name)
  })
})

test('the variable beside each flag is one of the table', () => {
  const documented = variableGroups.flatMap(({ variables }) => variables.map(({ name }) => name))
  const variables = [...MASTER_FLAGS, ...WORKER_FLAGS].flatMap(({ variable }) => variable ?? [])
  expect(variables.length).toBeGreaterThan(6)
  for (const variable of variables) expect(documented).toContain(variable)
})
