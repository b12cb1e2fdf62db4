/** U9, U21, U24, U25, Y1: logs over HTTP, and what is not given out. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { LogUnavailable } from '../../src/log-files/read.js'
import { LogReader } from '../../src/log-files/reader.js'
import { MAX_RANGE_BYTES } from '../../src/log-files/range.js'
import { answerTo, type WebContext } from '../../src/worker/web/routes.js'
import { WorkUnavailable } from '../../src/worker/web/work-cache.js'
import { WORKER_CLASS } from '../../src/worker/web/log-source.js'

let root = ''
let workDir = ''
let context: WebContext

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-log-pages-'))
  workDir = join(root, 'work')
  context = {
    worker: { workerId: 'worker-<1>', address: 'h:1', cores: 2, memoryMb: 512, resources: [] },
    reverseProxy: false,
    work: () =>
      Promise.resolve({ executors: [], drivers: [], finishedExecutors: [], finishedDrivers: [] }),
    workDir,
    logDir: join(root, 'logs'),
    logs: new LogReader(100),
    master: () => ({ url: 'spark://m:7077', webUiUrl: 'http://m:8080' }),
  }
  await put('app-1/0/stdout', 'out of 0')
  await put('app-1/0/stderr', 'err of 0')
  await put('app-1/12/stdout--2026-11-20--09.gz', gzipSync('aaaa'))
  await put('app-1/12/stdout--2026-11-20--10', 'bbbb')
  await put('app-1/12/stdout', 'cccc')
  await put('driver-1/stdout', 'out of driver')
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function put(name: string, content: string | Buffer): Promise<void> {
  const path = join(workDir, name)
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, content)
}

async function ask(target: string, method = 'GET') {
  const form = new URLSearchParams()
  const request = { method, target, headers: {}, form, remoteAddress: '127.0.0.1' }
  const { status, type, body, headers } = await answerTo(request, context)
  if (typeof body === 'object' && !Buffer.isBuffer(body))
    throw new Error('a log never comes in parts')
  return { status, type, text: body.toString(), headers }
}

const EXECUTOR = 'appId=app-1&executorId=0&logType=stdout'

describe('U25: /log', () => {
  test.each([
    [EXECUTOR, 'app-1/0/stdout', '0-8 of 8', 'out of 0'],
    ['appId=app-1&executorId=0&logType=stderr', 'app-1/0/stderr', '0-8 of 8', 'err of 0'],
    [`${EXECUTOR}&byteLength=3`, 'app-1/0/stdout', '5-8 of 8', 'f 0'],
    [`${EXECUTOR}&offset=0&byteLength=3`, 'app-1/0/stdout', '0-3 of 8', 'out'],
    [`${EXECUTOR}&offset=-7&byteLength=3`, 'app-1/0/stdout', '0-3 of 8', 'out'],
    [`${EXECUTOR}&offset=99`, 'app-1/0/stdout', '8-8 of 8', ''],
    ['driverId=driver-1&logType=stdout', 'driver-1/stdout', '0-13 of 13', 'out of driver'],
  ])('U9: %s', async (query, file, range, content) => {
    const head = `==== Bytes ${range} of ${join(workDir, file)} ====\n`
    const answer = { status: 200, type: 'text/plain;charset=utf-8', text: head + content }
    expect(await ask(`/log?${query}`)).toMatchObject(answer)
    expect(await ask(`/log/?${query}`)).toMatchObject(answer)
  })

  test('U25: rolled and compressed files are one stream', async () => {
    const query = 'appId=app-1&executorId=12&logType=stdout'
    const path = join(workDir, 'app-1/12/stdout')
    const { text } = await ask(`/log?${query}&offset=2&byteLength=8`)
    expect(text).toBe(`==== Bytes 2-10 of 12 of ${path} ====\naabbbbcc`)
  })

  test('U9: the default is the last 102400 bytes, and nobody gets more than the limit', async () => {
    await put('app-1/0/stdout', 'x'.repeat(3 * MAX_RANGE_BYTES))
    const total = 3 * MAX_RANGE_BYTES
    expect((await ask(`/log?${EXECUTOR}`)).text).toContain(
      `${total - 102_400}-${total} of ${total}`,
    )
    const { text } = await ask(`/log?${EXECUTOR}&offset=0&byteLength=999999999`)
    expect(text).toContain(`==== Bytes 0-${MAX_RANGE_BYTES} of ${total}`)
    expect(text.length).toBeLessThan(MAX_RANGE_BYTES + 200)
  })

  test('U9: bytes are given out as they are, whatever they mean', async () => {
    const bytes = Buffer.from([0xc3, 0x28, 0x00, 0xff, 0x0a])
    await put('app-1/0/stdout', bytes)
    const form = new URLSearchParams()
    const request = { method: 'GET', headers: {}, form, remoteAddress: '' }
    const { body } = await answerTo({ ...request, target: `/log?${EXECUTOR}` }, context)
    expect((body as Buffer).subarray(-bytes.length)).toEqual(bytes)
  })
})

describe('U24: what is asked for wrongly is a clear 400', () => {
  test.each([
    ['', 'does not name one executor, driver or worker'],
    ['logType=stdout', 'does not name one executor, driver or worker'],
    ['appId=app-1&logType=stdout', 'does not name one'],
    ['executorId=0&logType=stdout', 'does not name one'],
    [`${EXECUTOR}&driverId=driver-1`, 'does not name one'],
    [`${EXECUTOR}&self`, 'does not name one'],
    ['driverId=driver-1&self&logType=out', 'does not name one'],
    ['appId=app-1&executorId=0', 'logType is missing'],
    ['appId=app-1&executorId=0&logType=out', 'logType is "out"'],
    ['appId=app-1&executorId=0&logType=../0/stdout', 'logType is "../0/stdout"'],
    ['self&logType=stdout', 'logType is "stdout"'],
    ['appId=app-1&executorId=-1&logType=stdout', 'executorId is "-1"'],
    ['appId=app-1&executorId=0x1&logType=stdout', 'executorId is "0x1"'],
    ['appId=app-1&executorId=9999999999&logType=stdout', 'executor id 9999999999'],
    [`${EXECUTOR}&offset=1.5`, 'offset is "1.5"'],
    [`${EXECUTOR}&byteLength=`, 'byteLength is ""'],
    [`${EXECUTOR}&byteLength=1e3`, 'byteLength is "1e3"'],
  ])('U24: %s', async (query, expected) => {
    for (const page of ['/log', '/logPage/']) {
      const { status, text } = await ask(`${page}?${query}`)
      expect(status).toBe(400)
      expect(text).toContain(expected)
      expect(text).toMatch(/expected|must be|no whole number/)
    }
  })

  test('U24: methods and pages that are not served', async () => {
    expect(await ask(`/log?${EXECUTOR}`, 'POST')).toMatchObject({
      status: 405,
      headers: { Allow: 'GET, HEAD' },
    })
    expect(await ask('/log', 'TRACE')).toMatchObject({ status: 405 })
    expect(await ask('/logs')).toMatchObject({ status: 404 })
  })
})

describe('U24: nothing outside the work folder is read', () => {
  beforeEach(async () => {
    await mkdir(join(root, 'secret'))
    await writeFile(join(root, 'secret', 'stdout'), 'secret')
    await writeFile(join(root, 'stdout'), 'secret')
  })

  test.each([
    'driverId=..&logType=stdout',
    'driverId=../secret&logType=stdout',
    'driverId=.&logType=stdout',
    'driverId=&logType=stdout',
    `driverId=${encodeURIComponent('/etc')}&logType=stdout`,
    'driverId=a%00b&logType=stdout',
    'appId=..&executorId=0&logType=stdout',
    'appId=app-1/..&executorId=0&logType=stdout',
    `appId=${'x'.repeat(300)}&executorId=0&logType=stdout`,
  ])('U24: %s', async (query) => {
    const { status, text } = await ask(`/log?${query}`)
    expect(status).toBe(400)
    expect(text).not.toContain('secret\n')
  })

  test.each([
    ['an application that is a link', 'app-2', 'appId=app-2&executorId=0&logType=stdout'],
    ['an executor that is a link', 'app-1/1', 'appId=app-1&executorId=1&logType=stdout'],
    ['a driver that is a link', 'driver-2', 'driverId=driver-2&logType=stdout'],
    ['a log that is a link', 'driver-1/stderr', 'driverId=driver-1&logType=stderr'],
  ])('U24: %s', async (_name, link, query) => {
    const target = link.endsWith('stderr') ? 'stdout' : 'secret'
    await mkdir(join(root, 'secret', '0'))
    await writeFile(join(root, 'secret', '0', 'stdout'), 'secret')
    await symlink(join(root, target), join(workDir, link))
    expect(await ask(`/log?${query}`)).toMatchObject({ status: 404 })
  })

  test('U24: a link within the work folder does not lead on either', async () => {
    await symlink(join(workDir, 'app-1'), join(workDir, 'app-2'))
    expect(await ask(`/log?${EXECUTOR.replace('app-1', 'app-2')}`)).toMatchObject({ status: 404 })
  })

  test('U24: the work folder itself may be reached by a link', async () => {
    await symlink(workDir, join(root, 'linked'))
    context = { ...context, workDir: join(root, 'linked') }
    expect(await ask(`/log?${EXECUTOR}`)).toMatchObject({ status: 200 })
  })

  test('U24: what is not there is 404, and says what', async () => {
    const missing = [
      ['appId=app-9&executorId=0&logType=stdout', 'stdout of app-9/0'],
      ['appId=app-1&executorId=9&logType=stderr', 'stderr of app-1/9'],
      ['driverId=driver-9&logType=stdout', 'stdout of driver-9'],
    ]
    for (const [query, what] of missing) {
      const { status, text } = await ask(`/log?${query}`)
      expect({ status, text }).toEqual({
        status: 404,
        text: `404 Not Found: there is no ${what} here\n`,
      })
    }
  })
})

describe("Y1: the worker's own log", () => {
  test('Y1: is read wherever the output of this process goes', async () => {
    const file = join(root, 'anywhere.txt')
    await writeFile(file, 'worker says')
    context = { ...context, standardOutput: join(root, 'fd1') }
    await symlink(file, join(root, 'fd1'))
    const head = `==== Bytes 0-11 of 11 of ${file} ====\n`
    expect((await ask('/log?self&logType=out')).text).toBe(`${head}worker says`)
    expect((await ask('/logPage/?self&logType=out')).text).toContain('out log page for this worker')
  })

  test('Y1: or in SPARK_LOG_DIR; without either it is 404', async () => {
    context = { ...context, standardOutput: join(root, 'none') }
    const missing = await ask('/log?self&logType=out')
    expect(missing.status).toBe(404)
    expect(missing.text).toContain(context.logDir)
    await mkdir(context.logDir)
    const file = join(context.logDir, `spark-me-${WORKER_CLASS}-1-here.out`)
    await writeFile(file, 'worker says')
    const { text } = await ask('/log?self&logType=out')
    expect(text).toBe(`==== Bytes 0-11 of 11 of ${file} ====\nworker says`)
  })
})

describe('U24: /logPage', () => {
  test('U24: escaped, with its range and links to older, newer and the plain text', async () => {
    await put('app-1/0/stdout', `${'x'.repeat(10)}<script>${'y'.repeat(10)}`)
    const { status, type, text } = await ask(`/logPage/?${EXECUTOR}&offset=10&byteLength=8`)
    expect({ status, type }).toEqual({ status: 200, type: 'text/html;charset=utf-8' })
    expect(text).toContain('<title>stdout log page for app-1/0</title>')
    expect(text).toContain('8 bytes: 10 - 18 of 28')
    expect(text).toContain('&lt;script&gt;</pre')
    expect(text.match(/<script[^>]*>/g)).toEqual([
      '<script type="module" src="../static/log-viewer.js">',
    ])
    const href = (query: string) => `href="${query.replaceAll('&', '&amp;')}"`
    expect(text).toContain(href(`../logPage/?${EXECUTOR}&offset=2&byteLength=8`))
    expect(text).toContain(href(`../logPage/?${EXECUTOR}&offset=18&byteLength=8`))
    expect(text).toContain(href(`../logPage/?${EXECUTOR}&offset=0&byteLength=8`))
    expect(text).toContain(href(`../logPage/?${EXECUTOR}&byteLength=8`))
    expect(text).toContain(href(`../log?${EXECUTOR}&offset=10&byteLength=8`))
    expect(text).toContain('href="http://m:8080/"')
  })

  test('U24: following Older leads to the start, following Newer to the end, byte by byte', async () => {
    const content = Array.from({ length: 26 }, (_, at) => String.fromCharCode(97 + at)).join('')
    await put('app-1/0/stdout', content)
    const walk = async (name: string, start: string) => {
      const seen: string[] = []
      for (let link: string | undefined = start; link !== undefined;) {
        const { text } = await ask(link)
        seen.push(/<pre[^>]*>\s*([a-z]*)<\/pre/.exec(text)?.[1] ?? '?')
        const found = new RegExp(`href="([^"]*)">${name}<`).exec(text)?.[1]
        link = found?.replaceAll('&amp;', '&').replace('../', '/')
      }
      return seen
    }
    const older = await walk('Older', `/logPage/?${EXECUTOR}&byteLength=10`)
    expect(older).toEqual(['qrstuvwxyz', 'ghijklmnop', 'abcdef'])
    const newer = await walk('Newer', `/logPage/?${EXECUTOR}&offset=0&byteLength=10`)
    expect(newer).toEqual(['abcdefghij', 'klmnopqrst', 'uvwxyz'])
  })

  test('U24: ids are escaped in links and titles', async () => {
    await put('a&b"<c>/0/stdout', 'x')
    const { text } = await ask(
      `/logPage/?appId=${encodeURIComponent('a&b"<c>')}&executorId=0&logType=stdout`,
    )
    expect(text).toContain('<title>stdout log page for a&amp;b&quot;&lt;c&gt;/0</title>')
    expect(text).toContain('?appId=a%26b%22%3Cc%3E&amp;executorId=0')
  })

  test('U24: an empty log, and one without a master to go back to', async () => {
    await put('app-1/0/stdout', '')
    context = { ...context, master: () => null }
    const { text } = await ask(`/logPage?${EXECUTOR}`)
    expect(text).toContain('0 bytes: 0 - 0 of 0')
    expect(text).not.toContain('>Older<')
    expect(text).not.toContain('>Newer<')
  })
})

describe('U26: /json/', () => {
  test('U26, V5: with its media type, laid out as Spark does, below its slash', async () => {
    expect(await ask('/json')).toMatchObject({ status: 301, headers: { Location: '/json/' } })
    const { status, type, text } = await ask('/json/')
    expect({ status, type }).toEqual({ status: 200, type: 'text/json;charset=utf-8' })
    expect(text).toContain('{\n  "id" : "worker-<1>",\n  "masterurl" : "spark://m:7077"')
    expect(text).toContain('"executors" : [ ],\n  "finishedexecutors" : [ ]\n}')
  })

  test('U21, U26: 503 while the worker does not answer', async () => {
    const work = () => Promise.reject(new WorkUnavailable('busy'))
    context = { ...context, work }
    for (const path of ['/', '/json/']) expect(await ask(path)).toMatchObject({ status: 503 })
  })
})

describe('U24: what the script of the page asks for', () => {
  test('U24: parts with whole lines, and where they lie', async () => {
    await put('app-1/0/stdout', 'one\ntwo <\nthree\n')
    const { type, text } = await ask(`/logPart?${EXECUTOR}&offset=2&byteLength=10&edge=newer`)
    expect(type).toBe('application/json')
    expect(JSON.parse(text)).toEqual({ start: 2, end: 10, total: 16, markup: 'e\ntwo &lt;\n' })
    const older = await ask(`/logPart?${EXECUTOR}&offset=2&byteLength=8&edge=older`)
    expect(JSON.parse(older.text)).toMatchObject({ start: 4, end: 10, markup: 'two &lt;\n' })
    expect(await ask(`/logPart?${EXECUTOR}&edge=left`)).toMatchObject({ status: 400 })
    const missing = `/logPart?${EXECUTOR.replace('app-1', 'app-9')}`
    expect(await ask(missing)).toMatchObject({ status: 404 })
  })

  test('U21, U24: pages run our own scripts alone, and what a log says none', async () => {
    const policy = async (path: string) => (await ask(path)).headers?.['Content-Security-Policy']
    for (const path of ['/', `/logPage/?${EXECUTOR}`]) {
      expect(await policy(path)).toContain("script-src 'self'")
      expect(await policy(path)).not.toContain('unsafe')
    }
    // Others have the policy of every answer, which allows none.
    expect(await policy(`/log/?${EXECUTOR}`)).toBeUndefined()
    for (const path of ['/static/', '/static/evil.js', '/static/../routes.js', '/static/%2e%2e.js'])
      expect((await ask(path)).status).toBe(404)
  })

  test('U24: a search that makes no sense is a clear 400', async () => {
    const page = `/logPage/?${EXECUTOR}&search=`
    for (const text of ['x'.repeat(257), 'a%0Ab']) {
      expect(await ask(page + text)).toMatchObject({ status: 400 })
    }
    expect(await ask(`${page}x&before=y`)).toMatchObject({ status: 400 })
    expect((await ask(`${page}out`)).text).toMatch(/1 line\s+with “out”\s+in\s+bytes 0 -\s+8/)
  })
})

test('U21: the first page names worker and master', async () => {
  const { text } = await ask('/')
  expect(text).toContain('<a href="logPage/?self=&amp;logType=out">worker-&lt;1&gt;</a>')
  expect(text).toContain('<a href="http://m:8080/">spark://m:7077</a>')
  expect(text).toContain('Back to Master')
  context = { ...context, master: () => null }
  expect((await ask('/')).text).toContain('none yet')
})

test('U25: a log that can not be read just now is 503', async () => {
  const logs = { read: () => Promise.reject(new LogUnavailable('busy')) } as unknown as LogReader
  context = { ...context, logs }
  expect(await ask(`/log?${EXECUTOR}`)).toMatchObject({
    status: 503,
    headers: { 'Retry-After': '1' },
  })
})
