/** P55, W10: what looks secret is not shown. */
import { describe, expect, test } from 'vitest'

import { Configuration } from '../../src/conf/configuration.js'
import { UsageError } from '../../src/conf/errors.js'
import { keys } from '../../src/conf/keys.js'
import {
  MAX_SEARCHED_CHARACTERS,
  REDACTED,
  redactCommand,
  redactor,
  redactorOf,
} from '../../src/conf/redaction.js'

const usual = '(?i)secret|password|token|access[.]?key'

describe('P55: a value', () => {
  const show = redactor(usual)

  test.each([
    ['spark.authenticate.secret', 'x'],
    ['fs.s3a.access.key', 'x'],
    ['spark.ssl.keyStorePassword', 'x'],
    ['plain', 'java -Dmy.Password=x'],
  ])('of %s is hidden as soon as its name or itself looks secret', (name, value) => {
    expect(show(name, value)).toBe(REDACTED)
  })

  test('that does not look so is shown as it is', () => {
    expect(show('spark.master', 'spark://h:7077')).toBe('spark://h:7077')
    expect(show('empty', '')).toBe('')
  })

  test('that is too long to be searched is not shown', () => {
    expect(show('a', 'x'.repeat(MAX_SEARCHED_CHARACTERS))).toMatch(/^x+$/)
    expect(show('a', 'x'.repeat(MAX_SEARCHED_CHARACTERS + 1))).toBe(REDACTED)
  })

  test('is judged alike however often it is asked, whatever flags the pattern has', () => {
    const shown = redactorOf(/secret/giy)
    expect([1, 2, 3].map(() => shown('secret', 'x'))).toEqual([REDACTED, REDACTED, REDACTED])
  })
})

test('W10: options of a command lose their values, and nothing else does', () => {
  const command = [
    'java',
    '-Dspark.app.name=x',
    '-Dmy.token=y',
    '-Da=the password',
    '-cp',
    'secret.jar',
  ]
  expect(redactCommand(command, /secret|token|password/)).toEqual([
    'java',
    '-Dspark.app.name=x',
    `-Dmy.token=${REDACTED}`,
    `-Da=${REDACTED}`,
    '-cp',
    'secret.jar',
  ])
})

test('P55: the setting is the pattern, and a bad one refuses the start with its place', () => {
  const read = (text: string) =>
    new Configuration(
      [['spark.redaction.regex', text]],
      new Map([['spark.redaction.regex', 'conf/spark-defaults.conf line 7']]),
    ).read(keys.redactionPattern)
  expect(redactorOf(read('(?i)colou?r'))('MyColor', 'x')).toBe(REDACTED)
  expect(() => read('secret(')).toThrow(UsageError)
  expect(() => read('secret(')).toThrow(
    'bad value for spark.redaction.regex (set in conf/spark-defaults.conf line 7): "secret(" is not a regular expression',
  )
})
