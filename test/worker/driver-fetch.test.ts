/** W14: how a driver's jar comes to its worker. */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { download } from '../../src/worker/launcher/driver-download.js'
import { fetchJar, scriptInPlace, shownUrl } from '../../src/worker/launcher/driver-fetch.js'

let root = ''
let directory = ''
const servers: Server[] = []

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-fetch-'))
  directory = join(root, 'driver-1')
  await mkdir(directory)
})
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
  await rm(root, { recursive: true, force: true })
})

const fetched = (
  url: string,
  signal: AbortSignal = new AbortController().signal,
  hadoop: ((url: string, destination: string) => Promise<void>) | null = null,
) => fetchJar(url, { directory, signal, hadoop })

async function source(name = 'job.jar', content = 'jar'): Promise<string> {
  const path = join(root, name)
  await writeFile(path, content)
  return path
}

/** @returns "127.0.0.1:port" */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('files of this machine', () => {
  test.each([
    ['a path', (path: string) => path],
    ['file:/', (path: string) => `file:${path}`],
    ['file:///', (path: string) => `file://${path}`],
    ['file://localhost/', (path: string) => `file://localhost${path}`],
    ['FILE:', (path: string) => `FILE:${path}`],
  ])('%s: copied into the folder', async (_, urlOf) => {
    const copy = await fetched(urlOf(await source()))
    expect(copy).toBe(join(directory, 'job.jar'))
    expect(await readFile(copy, 'utf8')).toBe('jar')
    expect(await readdir(directory)).toEqual(['job.jar'])
  })

  test('a URL is decoded, a path is not', async () => {
    await source('a b.jar')
    expect(await fetched(`file:${root}/a%20b.jar`)).toBe(join(directory, 'a b.jar'))
    expect(await fetched(await source('c%20d.jar'))).toBe(join(directory, 'c%20d.jar'))
  })

  test('local: taken where it is', async () => {
    const path = await source()
    expect(await fetched(`local:${path}`)).toBe(path)
    expect(await fetched(`local://${path}`)).toBe(path)
    expect(await readdir(directory)).toEqual([])
  })

  test('one that is in the folder is not fetched again', async () => {
    await writeFile(join(directory, 'job.jar'), 'of before')
    expect(await fetched('file:/nowhere/job.jar')).toBe(join(directory, 'job.jar'))
    expect(await readFile(join(directory, 'job.jar'), 'utf8')).toBe('of before')
  })

  test('an empty URL stands for the folder, as in Spark', async () => {
    expect(await fetched('')).toBe(directory)
  })

  test.each([
    ['/nowhere/job.jar', /"\/nowhere\/job\.jar" can't be had: it is not on this worker; put it/],
    ['local:/nowhere/job.jar', /it is not on this worker/],
    ['file:/tmp', /it is no plain file/],
    ['job.jar', /its path is not absolute; begin the path with a slash/],
    ['file:job.jar', /its path is not absolute/],
    ['file://elsewhere/job.jar', /it names the host "elsewhere"; write it with three slashes/],
    ['file:/a/%zz.jar', /a % in it is not followed/],
    ['file:/a/', /its last part, "", is no name/],
    ['http://127.0.0.1/', /its last part, "", is no name/],
    ['file:/a/..', /its last part, "\.\.", is no name/],
    ['file:/a/b%2F..', /its last part, "\.\.", is no name/],
    ['file:/a/stdout', /its last part, "stdout", is no name/],
    ['file:/a/.magneto-application', /is no name/],
    ['file:/a/resource-driver-1.json', /is no name/],
    [`file:/a/${'x'.repeat(241)}`, /is no name/],
  ])('%s is refused', async (url, expected) => {
    await expect(fetched(url)).rejects.toThrow(expected)
    expect(await readdir(directory)).toEqual([])
  })
})

describe('http', () => {
  test('streams what is there, under the last part of the path', async () => {
    const content = Buffer.alloc(3_000_000, 'magneto')
    const server = await serve((request, response) => {
      expect(request.url).toBe('/a/job%201.jar?version=2')
      response.end(content)
    })
    const path = await fetched(`http://${server}/a/job%201.jar?version=2#x`)
    expect(path).toBe(join(directory, 'job 1.jar'))
    const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
    expect(hash(await readFile(path))).toBe(hash(content))
  })

  test('a name and a password go to that server alone', async () => {
    const seen: (string | undefined)[] = []
    const other = await serve((request, response) => {
      seen.push(request.headers.authorization)
      response.end('jar')
    })
    const server = await serve((request, response) => {
      seen.push(request.headers.authorization)
      const to = request.url === '/a.jar' ? '/b.jar' : `http://${other}/c.jar`
      response.writeHead(302, { location: to }).end()
    })
    const path = await fetched(`http://me:p%40ss@${server}/a.jar`)
    const sent = `Basic ${Buffer.from('me:p@ss').toString('base64')}`
    expect(seen).toEqual([sent, sent, undefined])
    expect(path).toBe(join(directory, 'a.jar'))
  })

  test.each([
    ['404', 404, {}, /answered 404 Not Found; name a URL that every worker can read/],
    ['an empty success', 204, {}, /answered 204/],
    ['a redirect to nowhere', 302, {}, /answered 302/],
    ['a redirect to a file', 302, { location: 'file:/etc/passwd' }, /from http: to file:/],
    ['a redirect in a circle', 307, { location: '/job.jar' }, /more than 5 times/],
    ['a redirect to nonsense', 301, { location: 'http://[' }, /to what is no URL/],
  ])('%s is refused', async (_, status, headers, expected) => {
    const server = await serve((_request, response) => {
      response.writeHead(status, headers).end()
    })
    await expect(fetched(`http://${server}/job.jar`)).rejects.toThrow(expected)
    expect(await readdir(directory)).toEqual([])
  })

  test('what breaks off leaves nothing behind', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('x'.repeat(100), () => (response.socket as Socket).destroy())
    })
    await expect(fetched(`http://${server}/job.jar`)).rejects.toThrow(/can't be had/)
    expect(await readdir(directory)).toEqual([])
  })

  test('a server that is not there, or no URL', async () => {
    const server = await serve(() => {})
    servers[0]?.close()
    await expect(fetched(`http://${server}/job.jar`)).rejects.toThrow(/ECONNREFUSED/)
    await expect(fetched('http://[/job.jar')).rejects.toThrow(/Invalid URL/)
  })

  test.each([0, 10])('a server that falls silent after %i bytes is given up', async (bytes) => {
    const server = await serve((_request, response) => {
      if (bytes > 0) response.write('x'.repeat(bytes))
    })
    const destination = join(directory, 'part')
    const { signal } = new AbortController()
    await expect(download(`http://${server}/j.jar`, destination, signal, 50)).rejects.toThrow(
      'the server said nothing for 0.05 s',
    )
  })

  test('a slow server is not given up while it sends', async () => {
    const server = await serve((_request, response) => {
      let left = 8
      const timer = setInterval(() => {
        left -= 1
        if (left > 0) return response.write('x')
        clearInterval(timer)
        return response.end('x')
      }, 50)
    })
    const destination = join(directory, 'part')
    await download(`http://${server}/j.jar`, destination, new AbortController().signal, 250)
    expect((await stat(destination)).size).toBe(8)
  })

  test('a server is not given up for a time in which this process stood still', async () => {
    const server = await serve((_request, response) => {
      const untilMs = performance.now() + 500
      while (performance.now() < untilMs);
      response.end('x')
    })
    const destination = join(directory, 'part')
    await download(`http://${server}/j.jar`, destination, new AbortController().signal, 250)
    expect((await stat(destination)).size).toBe(1)
  })

  test('a kill ends it at once, and leaves nothing behind', async () => {
    const killed = new AbortController()
    const server = await serve((_request, response) => {
      response.write('x')
      killed.abort()
    })
    await expect(fetched(`http://${server}/job.jar`, killed.signal)).rejects.toThrow(
      'Killed while its jar was fetched',
    )
    expect(await readdir(directory)).toEqual([])
  })
})

describe('other schemes', () => {
  test("go through Spark's Hadoop, and stand under their name only when they are whole", async () => {
    const asked: string[] = []
    const hadoop = async (url: string, destination: string): Promise<void> => {
      asked.push(url)
      await writeFile(destination, 'jar')
      expect(await readdir(directory)).not.toContain('job.jar')
    }
    const url = 's3a://my_bucket/a/job.jar'
    expect(await fetched(url, undefined, hadoop)).toBe(join(directory, 'job.jar'))
    expect(asked).toEqual([url])
    expect(await readdir(directory)).toEqual(['job.jar'])
  })

  test('what fails there is told, without secrets of the URL', async () => {
    const hadoop = () => Promise.reject(new Error('Hadoop failed with 1: no such host'))
    await expect(fetched('hdfs://me:secret@nn/job.jar?k=v', undefined, hadoop)).rejects.toThrow(
      `the driver's file "hdfs://nn/job.jar" can't be had: Hadoop failed with 1: no such host`,
    )
  })

  test.each([
    ['hdfs://nn/job.mjs', /there is no Spark here that could read hdfs; name a file, local/],
    ['spark://driver:1/jars/job.jar', /drivers serve no files to workers/],
  ])('%s is refused without it', async (url, expected) => {
    await expect(fetched(url)).rejects.toThrow(expected)
  })
})

describe('scripts', () => {
  test('run where they are, beside their modules, unless they have to be fetched', async () => {
    const path = await source('job.mjs')
    for (const url of [path, `file:${path}`, `local:${path}`]) {
      expect(await scriptInPlace(url)).toBe(path)
    }
    expect(await scriptInPlace('http://host/job.mjs')).toBeNull()
    await expect(scriptInPlace('file:/nowhere.mjs')).rejects.toThrow(/not on this worker/)
  })
})

test('secrets of a URL are not shown', () => {
  expect(shownUrl('http://me:pass@host/a.jar?token=1#x')).toBe('http://host/a.jar')
  expect(shownUrl('/plain/a.jar')).toBe('/plain/a.jar')
})
