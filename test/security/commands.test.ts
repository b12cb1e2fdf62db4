/** P49: commands of the terminal against a web UI that asks for a token. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'

import { LeaderFinder } from '../../src/cli/client/leader-finder.js'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

test('P49: the token goes to the web UI, and to no other page of the master', async () => {
  const seen: [string, string | undefined][] = []
  const server = createServer((request, response) => {
    seen.push([request.url ?? '', request.headers.authorization])
    response.end(JSON.stringify({ webUiUrl: `http://${request.headers.host}` }))
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const finder = (token?: string) =>
    new LeaderFinder({
      addresses: [address],
      signal: new AbortController().signal,
      say: () => {},
      pause: async () => {},
      ...(token === undefined ? {} : { token }),
    })
  const url = new URL('/json/', await finder('t').webUi(address))
  await finder('t').askWebUi(url)
  await finder().askWebUi(url)
  expect(seen).toEqual([
    ['/control', undefined],
    ['/json/', 'Bearer t'],
    ['/json/', undefined],
  ])
})
