/** Names and addresses of this machine, and what a host may look like (C2, E7, E8). */
import { spawnSync } from 'node:child_process'
import { isIPv4, isIPv6 } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'

import { quoted, UsageError } from './errors.js'

const HOST_PATTERN = /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?$/

const MAX_HOST_CHARACTERS = 253

/**
 * A host as flags, variables and URLs write it: a name, an IPv4 address, or an IPv6 address in brackets, which
 * it keeps.
 *
 * @param source the flag or variable that holds it
 * @throws UsageError
 */
export function parseHost(text: string, source: string): string {
  const host = text.trim()
  const bad = (hint: string): UsageError =>
    new UsageError(
      `bad host ${quoted(text)} for ${source}: expected a host name, an IPv4 address, or an IPv6 address in brackets${hint}`,
    )
  if (host.startsWith('[') && host.endsWith(']')) {
    if (isIPv6(host.slice(1, -1))) return host
    throw bad('')
  }
  if (isIPv6(host)) throw bad(`; write [${host}]`)
  if (/^[^:]+:[0-9]+$/.test(host)) throw bad('; the port has a flag of its own, --port')
  if (host.length > MAX_HOST_CHARACTERS || !HOST_PATTERN.test(host)) throw bad('')
  if (/^[0-9.]+$/.test(host) && !isIPv4(host)) throw bad('')
  return host
}

/** Every interface: where web UIs listen when nothing says otherwise (E8). */
export const ANY_ADDRESS = '0.0.0.0'

/** What `listen` and `connect` take: an IPv6 address without its brackets, everything else as it is. */
export function socketAddress(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
}

/** An address as hosts are written elsewhere: IPv6 in brackets. */
export function bracketed(address: string): string {
  return isIPv6(address) ? `[${address}]` : address
}

/** What the machine says about itself; tests pass their own. */
export interface MachineFacts {
  hostname(): string
  /** The addresses the resolver has for a name, best first; none when it knows none. */
  resolve(name: string): string[]
  /** The addresses of all interfaces. */
  addresses(): { address: string; family: string; internal: boolean }[]
}

const RESOLVER_TIMEOUT_MS = 5_000

export const machineFacts: MachineFacts = {
  hostname,
  resolve(name) {
    // The one way to ask the system's resolver without waiting for a callback; absent on macOS.
    const answer = spawnSync('getent', ['hosts', name], {
      encoding: 'utf8',
      timeout: RESOLVER_TIMEOUT_MS,
    })
    if (answer.status !== 0) return []
    const lines = answer.stdout.split('\n').filter((line) => line.trim() !== '')
    return lines.map((line) => line.trim().split(/\s+/)[0] ?? '')
  },
  addresses() {
    return Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  },
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1'
}

/**
 * The name this machine advertises when no flag says otherwise: SPARK_LOCAL_HOSTNAME, else SPARK_LOCAL_IP, else
 * the address its host name stands for; if that is a loopback one, the first address others can reach.
 *
 * @throws UsageError when a variable is no host
 */
export function localHost(env: NodeJS.ProcessEnv, facts: MachineFacts = machineFacts): string {
  for (const name of ['SPARK_LOCAL_HOSTNAME', 'SPARK_LOCAL_IP']) {
    const value = env[name]
    if (value) return parseHost(bracketed(value.trim()), name)
  }
  const resolved = facts.resolve(facts.hostname()).find((address) => !isLoopback(address))
  if (resolved !== undefined && isIPv4(resolved)) return resolved
  const outside = facts
    .addresses()
    .filter(({ address, internal }) => !internal && !address.toLowerCase().startsWith('fe80'))
  const best = outside.find(({ address }) => isIPv4(address)) ?? outside[0]
  return best === undefined ? '127.0.0.1' : bracketed(best.address)
}
