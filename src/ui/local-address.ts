/** Whether a peer is this machine, which is where LOCAL lets commands come from (spec P22). */
import { networkInterfaces } from 'node:os'
import { BlockList, isIP } from 'node:net'

/** Loopback, the unspecified address, or an address of one of this machine's network interfaces. */
export function isLocalAddress(
  address: string,
  interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces(),
): boolean {
  // A link-local address names its interface after a percent sign, on one side only.
  const bare = address.replace(/%.*$/, '')
  const version = isIP(bare)
  if (version === 0) return false
  const own = new BlockList()
  own.addSubnet('127.0.0.0', 8, 'ipv4')
  own.addAddress('0.0.0.0', 'ipv4')
  own.addAddress('::1', 'ipv6')
  own.addAddress('::', 'ipv6')
  for (const entries of Object.values(interfaces)) {
    for (const entry of entries ?? []) {
      own.addAddress(entry.address.replace(/%.*$/, ''), entry.family === 'IPv6' ? 'ipv6' : 'ipv4')
    }
  }
  // An IPv4 address written as IPv6, as on a socket for both, is found by its IPv4 rule.
  return own.check(bare, version === 6 ? 'ipv6' : 'ipv4')
}
