/** U18: from paths below /proxy/ to addresses, and back. */
import { describe, expect, test } from 'vitest'

import { proxiedLocation, proxiedPath, targetUrl } from '../../src/proxy/paths.js'

test.each([
  ['/proxy/worker-1/', 'worker-1', '/'],
  ['/proxy/worker-1', 'worker-1', null],
  ['/proxy/worker-1?a=b', 'worker-1', null],
  ['/proxy/app-1/jobs/?id=2&x=%2F', 'app-1', '/jobs/?id=2&x=%2F'],
  ['/proxy/a%20b/x', 'a b', '/x'],
  ['/proxy/app/a/../b', 'app', '/b'],
  ['/proxy/app/%2e%2e/other/x', 'other', '/x'],
  ['/proxy/app//evil.example/', 'app', '//evil.example/'],
])('U18: %s', (path, id, rest) => {
  expect(proxiedPath(path)).toMatchObject({ id, rest })
})

test.each([
  '/',
  '/proxy',
  '/proxy/',
  '/proxy//x',
  '/proxyx/app/',
  '/json/proxy/app/',
  '/proxy/app/../../json/',
  '/proxy/%ff/',
  'http://evil.example/proxy/app/',
])('U18: %s is no business of the proxy', (path) => {
  expect(proxiedPath(path)).toBeNull()
})

test.each([
  ['http://h:1', '/a?b', 'http://h:1/a?b'],
  ['http://h:1/', '/', 'http://h:1/'],
  ['http://h:1/base/', '/a', 'http://h:1/base/a'],
  ['https://h', '/a', 'https://h/a'],
  // Whatever follows the id, the host stays.
  ['http://h:1', '//evil.example/', 'http://h:1//evil.example/'],
  ['http://h:1', '/@evil.example/', 'http://h:1/@evil.example/'],
  ['http://user:secret@h:1/', '/a', 'http://h:1/a'],
])('U18: %s with %s', (address, rest, expected) => {
  expect(targetUrl(address, rest)?.href).toBe(expected)
})

test.each(['', 'none', 'ftp://h/', 'javascript:alert(1)', 'file:///etc/passwd'])(
  'U18: nothing is asked for at %j',
  (address) => {
    expect(targetUrl(address, '/')).toBeNull()
  },
)

describe('U18: redirects', () => {
  const target = new URL('http://driver:4040/jobs')
  test.each([
    ['http://driver:4040/stages/?x=1#y', '/proxy/app/stages/?x=1#y'],
    ['/stages/', '/proxy/app/stages/'],
    ['stages/', '/proxy/app/stages/'],
    ['/proxy/app/stages/', '/proxy/app/stages/'],
    ['/proxy/application/', '/proxy/app/proxy/application/'],
    ['http://driver:4041/', 'http://driver:4041/'],
    ['https://elsewhere.example/a', 'https://elsewhere.example/a'],
  ])('U18: %s', (location, expected) => {
    expect(proxiedLocation(location, target, '/proxy/app')).toBe(expected)
  })

  test('P47: below the path of a proxy before the master', () => {
    expect(proxiedLocation('/a', target, '/spark/proxy/app')).toBe('/spark/proxy/app/a')
  })
})
