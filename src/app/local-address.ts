/** The address of this machine that faces a master: what executors can reach when nothing else is said. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/**
 * Asks the routing table; no packet is sent.
 *
 * @returns an address, or null when no master's name can be resolved
 */
export async function addressFacing(
  masters: readonly { host: string; port: number }[],
): Promise<string | null> {
  for (const { host, port } of masters) {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    try {
      const connected = once(socket, 'connect')
      socket.connect(port, host)
      await connected
      return socket.address().address
    } catch {
      // The next master may have a name that resolves.
    } finally {
      socket.close()
    }
  }
  return null
}
