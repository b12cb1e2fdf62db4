/** C2, C8, E7, E8: hosts and master URLs. */
import { describe, expect, test } from 'vitest'

import { UsageError } from '../../src/conf/errors.js'
import { localHost, parseHost, socketAddress, type MachineFacts } from '../../src/conf/host.js'
import { parseMasterUrl } from '../../src/conf/master-url.js'

describe('C2: hosts', () => {
  test.each(['localhost', 'a-b.example.com', 'node_1', '10.0.0.1', '[::1]', '[fe80::1]'])(
    '%s is one',
    (host) => {
      expect(parseHost(host, '--host')).toBe(host)
    },
  )

  test.each([
    '',
    ' ',
    '::1',
    'host:7077',
    'a:b:c',
    '[nonsense]',
    '300.1.1.1',
    '-x',
    'a b',
    'a/b',
    'a\nb',
    'x'.repeat(300),
  ])('%j is none', (host) => {
    expect(() => parseHost(host, '--host')).toThrow(UsageError)
  })

  test('a bare IPv6 address is told its brackets, a port its flag', () => {
    expect(() => parseHost('::1', '--host')).toThrow(/write \[::1\]/)
    expect(() => parseHost('h:1', '--host')).toThrow(/--port/)
  })

  test('sockets take IPv6 without brackets', () => {
    expect(socketAddress('[::1]')).toBe('::1')
    expect(socketAddress('h')).toBe('h')
  })
})

describe('the name of this machine', () => {
  const loopback = { address: '127.0.0.1', family: 'IPv4', internal: true }
  const outside = { address: '10.1.2.3', family: 'IPv4', internal: false }
  const six = { address: '2001:db8::1', family: 'IPv6', internal: false }
  const facts = (resolved: string[], addresses = [loopback, six, outside]): MachineFacts => ({
    hostname: () => 'me',
    resolve: () => resolved,
    addresses: () => addresses,
  })

  test.each<[string, NodeJS.ProcessEnv, MachineFacts, string]>([
    ['E8: SPARK_LOCAL_HOSTNAME', { SPARK_LOCAL_HOSTNAME: 'n1' }, facts(['10.9.9.9']), 'n1'],
    ['E8: SPARK_LOCAL_IP', { SPARK_LOCAL_IP: '10.0.0.9' }, facts(['10.9.9.9']), '10.0.0.9'],
    ['E8: in brackets when IPv6', { SPARK_LOCAL_IP: '::1' }, facts([]), '[::1]'],
    ['what the host name stands for', {}, facts(['10.9.9.9']), '10.9.9.9'],
    ['not a loopback', {}, facts(['127.0.1.1']), '10.1.2.3'],
    ['no resolver', {}, facts([]), '10.1.2.3'],
    ['IPv6 alone', {}, facts([], [loopback, six]), '[2001:db8::1]'],
    ['no network', {}, facts([], [loopback]), '127.0.0.1'],
  ])('%s', (_name, env, machine, host) => {
    expect(localHost(env, machine)).toBe(host)
  })
})

describe('C8: master URLs', () => {
  test.each([
    ['spark://h:7077', 'spark://h:7077'],
    [' spark://h1:1, h2:2 ', 'spark://h1:1,h2:2'],
    ['spark://[::1]:7077', 'spark://[::1]:7077'],
  ])('%j', (text, url) => {
    expect(parseMasterUrl(text)).toBe(url)
  })

  test.each([
    'h:7077',
    'spark://',
    'spark://h',
    'spark://h:0',
    'spark://h:70000',
    'spark://h1:1,spark://h2:2',
    'spark://h1:1,',
    'spark://h/x:1',
    'local[2]',
  ])('%j is refused', (text) => {
    expect(() => parseMasterUrl(text)).toThrow(UsageError)
  })
})
