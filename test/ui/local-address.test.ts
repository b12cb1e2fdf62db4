import { expect, test } from 'vitest'
import { isLocalAddress } from '../../src/ui/local-address.js'

const rest = { netmask: '', mac: '', internal: false, cidr: null }
const interfaces = {
  eth0: [
    { address: '10.1.2.3', family: 'IPv4' as const, ...rest },
    { address: 'fe80::1%eth0', family: 'IPv6' as const, scopeid: 2, ...rest },
  ],
}

test.each([
  '127.0.0.1',
  '127.9.9.9',
  '::1',
  '::ffff:127.0.0.1',
  '0.0.0.0',
  '::',
  '10.1.2.3',
  '::ffff:10.1.2.3',
  'fe80::1%eth0',
  'fe80::1',
])('P22: %s is this machine', (address) => {
  expect(isLocalAddress(address, interfaces)).toBe(true)
})

test.each([
  '10.1.2.4',
  '::ffff:10.1.2.4',
  'fe80::2',
  '128.0.0.1',
  '',
  'localhost',
  '127.0.0.1.evil',
])('P22: "%s" is not', (address) => {
  expect(isLocalAddress(address, interfaces)).toBe(false)
})

test('P22: without interfaces only the loopback is', () => {
  expect(isLocalAddress('127.0.0.1', {})).toBe(true)
  expect(isLocalAddress('10.1.2.3', {})).toBe(false)
})
