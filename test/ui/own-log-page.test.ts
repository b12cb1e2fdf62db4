/** U8, U9: the master's own log. */
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { LogReader } from '../../src/log-files/reader.js'
import { ownLogAnswer, type OwnLogContext } from '../../src/ui/own-log-page.js'
import { bodyText } from '../http/body-text.js'
import { clusterPage, clusterView } from './views.js'

let folder = ''
let logs: OwnLogContext
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'magneto-own-log-page-'))
  const standardOutput = join(folder, 'fd1')
  logs = { reader: new LogReader(1), logDir: join(folder, 'logs'), standardOutput }
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function ask(query: string, as: 'page' | 'text' = 'text', context = logs) {
  const parameters = new URLSearchParams(query)
  const asked = { path: '/logPage/', parameters, headers: {}, remoteAddress: '' }
  const answer = await ownLogAnswer(context, asked, as)
  return { status: answer.status, text: bodyText(answer) }
}

test('U8, U9: as text and as a page, in parts', async () => {
  const file = join(folder, 'out')
  await writeFile(file, 'the master says <b>')
  await symlink(file, join(folder, 'fd1'))
  const { text } = await ask('self&logType=out&byteLength=8')
  expect(text).toBe(`==== Bytes 11-19 of 19 of ${file} ====\nsays <b>`)
  const { text: page } = await ask('self&logType=out&byteLength=8', 'page')
  expect(page).toContain('says &lt;b&gt;</pre')
  expect(page).toContain('href="../logPage/?self=&amp;logType=out&amp;offset=3&amp;byteLength=8"')
  expect(page).toContain('Back to Master')
})

test('U8: a master whose output goes to no file says so', async () => {
  const { status, text } = await ask('self&logType=out')
  expect(status).toBe(404)
  expect(text).toContain(`this master's output goes to no file that is there, and ${logs.logDir}`)
})

test.each([
  ['', 'its own log alone'],
  ['self', 'its own log alone'],
  ['self&logType=stdout', 'its own log alone'],
  ['logType=out', 'its own log alone'],
  ['appId=a&executorId=0&logType=stdout', 'its own log alone'],
  ['self&logType=out&offset=x', 'offset is "x"'],
])('U8: %j is 400', async (query, expected) => {
  const { status, text } = await ask(query)
  expect(status).toBe(400)
  expect(text).toContain(expected)
})

test('U1: the first page leads there', () => {
  const page = clusterPage(clusterView(), { killEnabled: true })
  expect(page).toContain('<a href="./logPage/?self&amp;logType=out">Log</a>')
})
