/** C5, F2: properties files. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

import { UsageError } from '../../src/conf/errors.js'
import {
  parseProperties,
  readProperties,
  readPropertiesIfPresent,
} from '../../src/conf/properties.js'

const folder = mkdtempSync(join(tmpdir(), 'magneto-properties-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

test('blanks, equals signs and colons separate; values are trimmed; comments are skipped', () => {
  const content = [
    '# comment',
    'spark.master                     spark://h:7077  ',
    'spark.a=1',
    'spark.b: two words',
    'spark.c \\',
    '   continued',
    'spark.empty',
    '! comment',
  ].join('\n')
  const { entries, foreign } = parseProperties(content, 'f')
  expect(entries).toEqual([
    { name: 'spark.master', value: 'spark://h:7077', line: 2 },
    { name: 'spark.a', value: '1', line: 3 },
    { name: 'spark.b', value: 'two words', line: 4 },
    { name: 'spark.c', value: 'continued', line: 5 },
    { name: 'spark.empty', value: '', line: 7 },
  ])
  expect(foreign).toEqual([])
})

test('only spark.* keys count, the others are named', () => {
  const { entries, foreign } = parseProperties('spark.x 1\nlog.level debug\n', 'f')
  expect(entries.map((entry) => entry.name)).toEqual(['spark.x'])
  expect(foreign).toEqual([{ name: 'log.level', value: 'debug', line: 2 }])
})

describe('what is malformed is refused with the file and the line', () => {
  test.each([
    ['a cut \\u escape', 'spark.a 1\nspark.b \\u12\n', /^f line 2: malformed "\\\\u12"/],
    ['a binary file', 'spark.a 1\n\u0000\n', /^f line 2: not a properties file/],
  ])('%s', (_name, content, message) => {
    expect(() => parseProperties(content, 'f')).toThrow(UsageError)
    expect(() => parseProperties(content, 'f')).toThrow(message)
  })

  test('text that is not UTF-8', () => {
    const path = file('latin1.conf', Buffer.from('spark.a 1\nspark.b caf\xe9\n', 'latin1'))
    expect(() => readProperties(path)).toThrow(/latin1\.conf line 2: not UTF-8/)
  })
})

describe('what is no file is refused', () => {
  test('missing', () => {
    expect(() => readProperties(join(folder, 'none'))).toThrow(/does not exist/)
    expect(readPropertiesIfPresent(join(folder, 'none'))).toBeNull()
  })

  test('a folder', () => {
    mkdirSync(join(folder, 'sub'))
    expect(() => readProperties(join(folder, 'sub'))).toThrow(/is not a file/)
    expect(() => readPropertiesIfPresent(join(folder, 'sub'))).toThrow(UsageError)
  })

  test('too large', () => {
    const path = file('large.conf', new Uint8Array(4 * 1024 * 1024 + 1))
    expect(() => readProperties(path)).toThrow(/expected at most/)
  })
})
