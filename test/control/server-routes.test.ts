/** The second path of the control port: its sessions reach those they are for, and no others. */
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'

import { CONTROL_PATH, REPLICA_PATH } from '../../src/control/limits.js'
import { ControlServer, type SessionListener } from '../../src/control/server.js'
import { loadUws } from '../../src/control/uws.js'
import { createLogger } from '../../src/log/logger.js'

class Listener implements SessionListener {
  readonly heard: string[] = []
  session = 0

  onConnected(session: number): void {
    this.session = session
    this.heard.push('connected')
  }

  onMessage(_session: number, bytes: Uint8Array): void {
    this.heard.push(new TextDecoder().decode(bytes))
  }

  onDisconnected(_session: number, reason: string): void {
    this.heard.push(reason)
  }
}

const transports = loadUws() instanceof Error ? (['ws'] as const) : (['uws', 'ws'] as const)

describe.each(transports)('the paths of a control server on %s', (transport) => {
  const servers: ControlServer[] = []

  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop('the test is over')
  })

  async function serve(replica?: Listener): Promise<[Listener, ControlServer, string]> {
    const control = new Listener()
    const server = new ControlServer({
      log: createLogger('test'),
      transport,
      onConnected: (session) => control.onConnected(session),
      onMessage: (session, bytes) => control.onMessage(session, bytes),
      onDisconnected: (session, reason) => control.onDisconnected(session, reason),
      ...(replica === undefined ? {} : { replica }),
    })
    servers.push(server)
    const port = await server.listen('127.0.0.1', 0)
    return [control, server, `ws://127.0.0.1:${port}`]
  }

  test('each path has its own listener; both send and close by session', async () => {
    const replica = new Listener()
    const [control, server, url] = await serve(replica)
    const peer = new WebSocket(url + CONTROL_PATH)
    const standby = new WebSocket(url + REPLICA_PATH)
    await Promise.all([once(peer, 'open'), once(standby, 'open')])
    peer.send(Buffer.from('from a peer'))
    standby.send(Buffer.from('from a standby'))
    await expect.poll(() => control.heard).toEqual(['connected', 'from a peer'])
    await expect.poll(() => replica.heard).toEqual(['connected', 'from a standby'])
    expect(replica.session).not.toBe(control.session)
    const answered = once(standby, 'message')
    server.send(replica.session, Buffer.from('to a standby'))
    const [answer] = await answered
    expect(String(answer)).toBe('to a standby')
    server.close(replica.session, 'enough')
    await once(standby, 'close')
    expect(replica.heard.at(-1)).toBe('enough')
    expect(control.heard).toHaveLength(2)
    peer.terminate()
  })

  test('without a listener there is no such path', async () => {
    const [control, , url] = await serve()
    const standby = new WebSocket(url + REPLICA_PATH)
    const [error] = (await once(standby, 'error')) as [Error]
    expect(error.message).toMatch(/404/)
    expect(control.heard).toEqual([])
  })
})
