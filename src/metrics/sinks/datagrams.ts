/** Texts as datagrams. */
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'

/** @throws Error when the host has no address, or one can't be sent; whether any arrives is never known */
export async function sendDatagrams(
  host: string,
  port: number,
  texts: readonly string[],
): Promise<void> {
  const { address, family } = await lookup(host)
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
  try {
    for (const text of texts) {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject)
        socket.send(text, port, address, (error) => {
          socket.off('error', reject)
          if (error) reject(error)
          else resolve()
        })
      })
    }
  } finally {
    socket.close()
  }
}
