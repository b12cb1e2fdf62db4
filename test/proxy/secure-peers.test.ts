/** P56, P49: a proxy that reaches peers over TLS, and what it tells them of who asks. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import type { TlsIdentity, TlsTrust } from '../../src/http/tls.js'
import { ReverseProxy, type Peer } from '../../src/proxy/reverse-proxy.js'
import {
  canMakeCertificates,
  makeCertificates,
  type Certificates,
} from '../security/certificates.js'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function port(server: Server): Promise<number> {
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function proxying(peer: Peer, trust?: TlsTrust): Promise<string> {
  const proxy = new ReverseProxy({
    find: async () => peer,
    frontUrl: null,
    ...(trust === undefined ? {} : { trust }),
  })
  const visitor = { user: 'ann', mayModify: async () => true }
  const server = createServer((request, response) => {
    void proxy.serve(request, response, visitor)
  })
  return `http://127.0.0.1:${await port(server)}/proxy/worker-1/json`
}

test('P49: a peer hears of who asks what the master says, not what the visitor does', async () => {
  const heard: IncomingHttpHeaders[] = []
  const listening = await port(
    createServer((request, response) => {
      heard.push(request.headers)
      response.end('x')
    }),
  )
  const address = `http://127.0.0.1:${listening}`
  const headers = { Authorization: 'Bearer of-the-visitor' }
  await fetch(await proxying({ address, authorization: 'Bearer of-the-master' }), { headers })
  await fetch(await proxying({ address, authorization: null }), { headers })
  expect(heard.map(({ authorization }) => authorization)).toEqual([
    'Bearer of-the-master',
    undefined,
  ])
  expect(heard[0]?.['x-forwarded-proto']).toBe('http')
})

describe.skipIf(!canMakeCertificates)('P56: a peer over TLS', () => {
  let made: Certificates
  let key = ''
  let cert = ''
  let ca = ''
  beforeAll(async () => {
    made = await makeCertificates()
    ;({ key, cert, ca } = await made.texts())
  })
  afterAll(() => made.remove())

  const secure = async (options: object = {}): Promise<Peer> => {
    const server = createSecureServer({ key, cert, ...options }, (_request, response) =>
      response.end('pages of the worker'),
    )
    return { address: `https://localhost:${await port(server)}`, authorization: null }
  }

  test('is shown when the trust store vouches for it', async () => {
    const url = await proxying(await secure(), { authorities: [ca], identity: null })
    expect(await (await fetch(url)).text()).toBe('pages of the worker')
  })

  test('is not, with what to do, when nobody does', async () => {
    const got = await fetch(await proxying(await secure()))
    expect(got.status).toBe(502)
    expect(await got.text()).toMatch(
      /^502 .*can't be reached: .*certificate.*; spark\.ssl\.standalone\.trustStore of the master/,
    )
  })

  test('is not when its certificate is of another name', async () => {
    const { address } = await secure()
    const other = { address: address.replace('localhost', '127.0.0.2'), authorization: null }
    const got = await fetch(await proxying(other, { authorities: [ca], identity: null }))
    expect(got.status).toBe(502)
  })

  test('that asks for a certificate gets the one of the master', async () => {
    const peer = await secure({ ca, requestCert: true, rejectUnauthorized: true })
    const nobody = { authorities: [ca], identity: null }
    expect((await fetch(await proxying(peer, nobody))).status).toBe(502)
    const identity: TlsIdentity = {
      key,
      cert,
      versions: null,
      ciphers: null,
      clientAuthorities: null,
    }
    const known = await fetch(await proxying(peer, { authorities: [ca], identity }))
    expect(await known.text()).toBe('pages of the worker')
  })
})
