/** One look at a page of a stranger, over the bare socket: what may come back, and what it may take. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { PageReader, type PageQuestion } from '../../src/spark/page-reader.js'

const servers: Server[] = []
const sockets = new Set<Socket>()

afterEach(() => {
  for (const socket of sockets) socket.destroy()
  for (const server of servers.splice(0)) server.close()
})

async function serve(answer: (socket: Socket, request: string) => void): Promise<number> {
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', (bytes) => answer(socket, bytes.toString()))
  })
  servers.push(server)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return (server.address() as AddressInfo).port
}

function question(port: number, changed: Partial<PageQuestion> = {}): PageQuestion {
  const find = (body: string): string | null => /<b>(\w+)<\/b>/.exec(body)?.[1] ?? null
  return {
    host: '127.0.0.1',
    port,
    path: '/',
    maxBytes: 1000,
    timeoutMs: 60_000,
    find,
    ...changed,
  }
}

function read(asked: PageQuestion, reader = new PageReader(1)): Promise<string | null> {
  return new Promise((resolve) => reader.read(asked, resolve))
}

const HEAD = 'HTTP/1.1 200 OK\r\nServer: Jetty\r\n\r\n'

test('the request asks for no chunks, and names the host', async () => {
  let request = ''
  const port = await serve((socket, text) => {
    request = text
    socket.end(`${HEAD}<b>found</b>`)
  })
  expect(await read(question(port))).toBe('found')
  expect(request).toBe(`GET / HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
})

test.each([
  ['nothing', ''],
  ['half a head', 'HTTP/1.1 200 OK\r\nServer: <b>no</b>'],
  ['another status', 'HTTP/1.1 302 Found\r\n\r\n<b>no</b>'],
  ['no HTTP', 'SSH-2.0 200 \r\n\r\n<b>no</b>'],
  ['a page that does not tell', `${HEAD}<i>no</i>`],
])('%s: null', async (_which, answer) => {
  const port = await serve((socket) => socket.end(answer))
  expect(await read(question(port))).toBeNull()
})

test('a head that tells is not the page, and what comes in pieces is one page', async () => {
  const port = await serve((socket) => {
    socket.setNoDelay(true)
    const pieces = `HTTP/1.1 200 OK\r\nX: <b>no</b>\r\n\r\n<b>yes</b>`.split('')
    const next = (): void => {
      const piece = pieces.shift()
      if (piece !== undefined) socket.write(piece, () => setImmediate(next))
    }
    next()
  })
  expect(await read(question(port))).toBe('yes')
})

test.each([
  ['longer than is read', 'x'.repeat(1000), 60_000],
  ['silent after its head', '', 50],
])('an answer that is %s: null, and the connection ends', async (_which, body, timeoutMs) => {
  let gone: Promise<unknown> = Promise.resolve()
  const port = await serve((socket) => {
    // However it ends.
    gone = new Promise((resolve) => socket.once('close', resolve))
    socket.write(HEAD + body)
  })
  expect(await read(question(port, { timeoutMs }))).toBeNull()
  await gone
})

test('nobody listens: null', async () => {
  const port = await serve(() => {})
  await new Promise((resolve) => servers.pop()!.close(resolve))
  expect(await read(question(port))).toBeNull()
})

test('more than may be read at once wait their turn, and one that is stopped leaves it to the next', async () => {
  const open: Socket[] = []
  const port = await serve((socket) => open.push(socket))
  const reader = new PageReader(2)
  const stops = [1, 2, 3, 4].map(() =>
    reader.read(question(port), () => expect.fail('nobody answered')),
  )
  const last = read(question(port), reader)
  await expect.poll(() => open).toHaveLength(2)
  stops[3]!()
  stops[0]!()
  await expect.poll(() => open).toHaveLength(3)
  stops[1]!()
  stops[1]!()
  await expect.poll(() => open).toHaveLength(4)
  open[3]!.end(`${HEAD}<b>last</b>`)
  expect(await last).toBe('last')
  stops[2]!()
  expect(open).toHaveLength(4)
})
