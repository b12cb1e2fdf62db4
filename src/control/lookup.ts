/**
 * The addresses of a master's host, asked for anew by every attempt: a master that comes back elsewhere keeps its
 * name. A lookup takes one of the few threads that files need too, and may last half a minute where no name server
 * answers, so there is never more than one for a name: who asks meanwhile gets the same answer.
 */
import { promises as dns, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { ControlError } from './errors.js'

/** @returns at least one address, the one to try first in front @throws Error with a code of getaddrinfo */
export type Lookup = (host: string) => Promise<readonly LookupAddress[]>

export function oneAtATime(lookup: Lookup): Lookup {
  const pending = new Map<string, ReturnType<Lookup>>()
  return (host) => {
    const before = pending.get(host)
    if (before !== undefined) return before
    const found = lookup(host).finally(() => pending.delete(host))
    pending.set(host, found)
    return found
  }
}

/** As the system finds hosts, its files included. */
export const systemLookup: Lookup = oneAtATime((host) => dns.lookup(host, { all: true }))

/** @param host a name, or an address in the form of a URL @throws ControlError that names the host */
export async function addressesOf(
  host: string,
  lookup: Lookup,
  signal: AbortSignal,
): Promise<readonly LookupAddress[]> {
  const address = host.startsWith('[') ? host.slice(1, -1) : host
  const family = isIP(address)
  if (family !== 0) return [{ address, family }]
  let found: readonly LookupAddress[]
  try {
    found = await beforeAbort(lookup(host), signal)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new ControlError(`no address of ${host} was found: ${code ?? message}`, { cause: error })
  }
  if (found.length === 0) throw new ControlError(`${host} has no address`)
  return found
}

/** What has been found already, for sockets. Where there are several addresses, they try one after the other. */
export function fixed(addresses: readonly LookupAddress[]): LookupFunction {
  return (_host, options, answer) => {
    const [first] = addresses
    if (options.all === true) answer(null, [...addresses])
    else if (first === undefined) answer(new Error('no address'), '', 0)
    else answer(null, first.address, first.family)
  }
}

async function beforeAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
    const settled = (): void => signal.removeEventListener('abort', stop)
    work.finally(settled).then(resolve, reject)
  })
}
