/** Memory strings (C11), time strings, and the parsers of keys: what is read, and what is refused. */
import { describe, expect, test } from 'vitest'

import { parseDurationMs } from '../../src/conf/duration.js'
import { UsageError } from '../../src/conf/errors.js'
import * as parsers from '../../src/conf/parsers.js'
import { parseBytes, parseMemoryMb } from '../../src/conf/size.js'

describe('sizes', () => {
  test.each([
    ['0', 'b', 0],
    ['1024', 'b', 1024],
    ['3', 'k', 3072],
    ['7', 'm', 7 * 2 ** 20],
    ['10b', 'm', 10],
    ['512m', 'b', 512 * 2 ** 20],
    ['512MB', 'b', 512 * 2 ** 20],
    [' 2G ', 'b', 2 * 2 ** 30],
    ['1tb', 'b', 2 ** 40],
    ['7p', 'b', 7 * 2 ** 50],
  ] as const)('%j with bare unit %s is %d bytes', (text, bareUnit, bytes) => {
    expect(parseBytes(text, bareUnit)).toBe(bytes)
  })

  test.each(['', 'm', '1.5g', '-1m', '+1m', '1 g', '512mib', '0x10', '1e3', '8p', '9999999999g'])(
    '%j is refused',
    (text) => {
      expect(() => parseBytes(text)).toThrow(UsageError)
    },
  )
})

describe('C11: memory of a worker', () => {
  test.each([
    ['1048576', 1],
    ['2097151', 1],
    ['1000M', 1000],
    ['2G', 2048],
    ['1025k', 1],
  ])('%j is %d MiB', (text, memoryMb) => {
    expect(parseMemoryMb(text)).toBe(memoryMb)
  })

  test.each(['0', '1000', '1023k', '0g', '1.5g'])('%j is refused', (text) => {
    expect(() => parseMemoryMb(text)).toThrow(UsageError)
  })

  test('a bare number that is too small says that it counts bytes', () => {
    expect(() => parseMemoryMb('4096')).toThrow(/counts bytes, so perhaps 4096m/)
  })
})

describe('times', () => {
  test.each([
    ['60', 's', 60_000],
    ['60', 'ms', 60],
    ['1500us', 'ms', 1],
    ['10s', 'ms', 10_000],
    ['5m', 's', 300_000],
    ['5min', 's', 300_000],
    ['2H', 's', 7_200_000],
    ['1d', 's', 86_400_000],
    ['-1', 's', -1_000],
  ] as const)('%j with bare unit %s is %d ms', (text, bareUnit, durationMs) => {
    expect(parseDurationMs(text, bareUnit)).toBe(durationMs)
  })

  test.each(['', '1.5s', 's', '10 s', '3 weeks', '1y', '999999999d'])('%j is refused', (text) => {
    expect(() => parseDurationMs(text, 's')).toThrow(UsageError)
  })
})

describe('parsers of keys', () => {
  test.each([
    ['boolean', parsers.boolean, ' TRUE ', true],
    ['integer', parsers.integer(1, 5), '5', 5],
    ['port 0', parsers.port, '0', 0],
    ['port 1024', parsers.port, '1024', 1024],
    ['port 65535', parsers.port, '65535', 65_535],
    ['oneOf', parsers.oneOf('A_B', 'C'), 'a_b', 'A_B'],
    ['list', parsers.list(','), ' a, ,b ', ['a', 'b']],
    ['idPattern', parsers.idPattern(2), 'app-%s-%04d', 'app-%s-%04d'],
    ['coreIdPattern', parsers.coreIdPattern, 'app-%2$06x.%1$.8s', 'app-%2$06x.%1$.8s'],
    ['bytesFrom', parsers.bytesFrom(1024, 2 ** 20), '1k', 1024],
    ['orNull', parsers.orNull(parsers.port), '', null],
    ['pattern', parsers.pattern, '(?i)a|b[.]?', /a|b[.]?/iu],
  ] as [string, (text: string) => unknown, string, unknown][])(
    '%s reads it',
    (_name, parse, text, value) => {
      expect(parse(text)).toEqual(value)
    },
  )

  test.each([
    ['boolean', parsers.boolean, 'yes'],
    ['integer above', parsers.integer(1, 5), '6'],
    ['integer below', parsers.integer(1, 5), '0'],
    ['integer with fraction', parsers.integer(), '1.0'],
    ['integer over int', parsers.integer(), '2147483648'],
    ['port 1023 (C16)', parsers.port, '1023'],
    ['port 65536 (C16)', parsers.port, '65536'],
    ['port with sign', parsers.port, '-1'],
    ['port as text', parsers.port, 'http'],
    ['bytesFrom below', parsers.bytesFrom(1024, 2 ** 20), '1023'],
    ['bytesFrom above', parsers.bytesFrom(1024, 2 ** 20), '2m'],
    ['oneOf', parsers.oneOf('A', 'B'), 'C'],
    ['idPattern with blank', parsers.idPattern(2), 'app %s'],
    ['coreIdPattern with blank', parsers.coreIdPattern, 'app %s-%d'],
    ['coreIdPattern of nothing', parsers.coreIdPattern, ''],
    ['idPattern with too many', parsers.idPattern(2), '%s%s%s'],
    ['idPattern with unknown conversion', parsers.idPattern(2), 'app-%q'],
    ['pattern', parsers.pattern, '('],
    ['time below the limit', parsers.durationMs('s', 1), '0'],
  ] as [string, (text: string) => unknown, string][])('%s refuses it', (_name, parse, text) => {
    expect(() => parse(text)).toThrow(UsageError)
  })

  test('a port that Kubernetes set explains itself', () => {
    expect(() => parsers.port('tcp://10.0.0.1:7077')).toThrow(/Kubernetes/)
  })
})

describe('P47: where a proxy before the master is', () => {
  test.each(['http://front.example', 'https://front.example/spark/', 'http://proxy.example/x'])(
    '%j is one',
    (text) => {
      expect(parsers.proxyUrl(text)).toBe(text)
    },
  )

  test.each([
    '',
    '/spark',
    'ftp://front',
    'http://h/proxy',
    'http://h/a/history/',
    'http://h/proxy/x',
  ])('%j is refused', (text) => {
    expect(() => parsers.proxyUrl(text)).toThrow(UsageError)
  })
})
