/** A TCP proxy whose connections can be halted, as by a network that swallows everything, and go on. */
import { type Server, type Socket, connect, createServer } from 'node:net'

export class Proxy {
  readonly port: number
  readonly #server: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #halted = false

  private constructor(server: Server, port: number) {
    this.#server = server
    this.port = port
  }

  /** @param to where connections go; it may change what is later connected */
  static async start(to: { readonly host: string; readonly port: number }): Promise<Proxy> {
    let proxy: Proxy | null = null
    const server = createServer((near) => proxy?.join(near, connect(to.port, to.host)))
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    proxy = new Proxy(server, (server.address() as { port: number }).port)
    return proxy
  }

  join(near: Socket, far: Socket): void {
    const pair = [near, far] as const
    this.#pairs.add(pair)
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on('data', (bytes) => to.write(bytes))
      from.on('error', () => {})
      from.on('close', () => {
        to.destroy()
        this.#pairs.delete(pair)
      })
      if (this.#halted) from.pause()
    }
  }

  /** Nothing arrives on either side any more; connections are taken, and nothing comes of them. */
  halt(): void {
    this.#halted = true
    for (const pair of this.#pairs) for (const socket of pair) socket.pause()
  }

  goOn(): void {
    this.#halted = false
    for (const pair of this.#pairs) for (const socket of pair) socket.resume()
  }

  async stop(): Promise<void> {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
    await new Promise((done) => this.#server.close(done))
  }
}
