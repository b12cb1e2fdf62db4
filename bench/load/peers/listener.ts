/**
 * The one port on which all peers of a generator listen, at the address of each: a master that has just come to lead dials
 * them there, and ours asks an Apache Worker's page for its release.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { receiverOf } from './hear.js'
import { Link, type LinkEvents } from './link.js'
import { LoadError } from './waits.js'

const BACKLOG = 4096
const RELEASE = '4.3.0'
/** The start of each page of a worker, as far as its release. */
const PAGE = `<html><body><span class="version" style="margin-right: 15px;">${RELEASE}</span></body></html>`
const HTTP_ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${PAGE.length}\r\nConnection: close\r\n\r\n${PAGE}`,
)

export class Listener {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Whose address is this host? */
  readonly #peerAt: (host: string) => LinkEvents | undefined
  /** Pages asked for. */
  pages = 0
  /** Connections of Spark RPC that a master has dialled. */
  dialled = 0

  constructor(peerAt: (host: string) => LinkEvents | undefined) {
    this.#peerAt = peerAt
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  /** @returns the port, the same on all addresses of the loopback */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) =>
        reject(new LoadError(`the peers have no port: ${error.message}`)),
      )
      this.#server.listen({ host: '0.0.0.0', port: 0, backlog: BACKLOG }, () => {
        const address = this.#server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
    })
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => {})
    socket.once('data', (first) => {
      // The first byte of a frame is the highest one of its length.
      if (first[0] === 0) {
        const link = this.#linkOf(socket)
        link.receive(first)
        socket.on('data', (bytes) => link.receive(bytes))
        return
      }
      this.pages++
      socket.end(HTTP_ANSWER)
    })
  }

  /** Of whom the first message is for. */
  #linkOf(socket: Socket): Link {
    this.dialled++
    const link = new Link(socket, {
      heard: (kind, stream, on, body) => {
        const peer = this.#peerAt(receiverOf(body) ?? '')
        if (peer === undefined) return
        on.belongsTo(peer)
        peer.heard(kind, stream, on, body)
      },
      lost: () => {},
    })
    return link
  }
}
