/** F5: the two forms of the log. */
import { expect, test } from 'vitest'

import { createLogger, logFormat, logLevel, type LogFormat } from '../../src/log/logger.js'

function lines(format: LogFormat): { log: ReturnType<typeof createLogger>; written: string[] } {
  const written: string[] = []
  const destination = { write: (line: string) => void written.push(line) }
  return { log: createLogger('Master', { format, level: 'debug', destination }), written }
}

test('text: time, level, name, message, fields', () => {
  const { log, written } = lines('text')
  log.info({ worker: 'worker-1', cores: 4, note: 'two words' }, 'registered')
  expect(written).toHaveLength(1)
  expect(written[0]).toMatch(
    /^\d\d\/\d\d\/\d\d \d\d:\d\d:\d\d INFO Master: registered worker=worker-1 cores=4 note="two words"\n$/,
  )
})

test('text: nobody can forge a record or steer the terminal', () => {
  const { log, written } = lines('text')
  log.warn({ app: 'a\n24/11/21 05:00:00 INFO Master: forged' }, 'name \u001b[31m\r\nforged\u2028x')
  const text = written.join('')
  expect(text.endsWith('\n')).toBe(true)
  for (const forbidden of ['\n', '\r', '\u001b', '\u2028']) {
    expect(text.slice(0, -1)).not.toContain(forbidden)
  }
})

test('text: a stack follows behind tabs', () => {
  const { log, written } = lines('text')
  log.error({ err: new Error('broken\n24/11/21 05:00:00 INFO Master: forged') }, 'failed')
  const [head, ...rest] = written.join('').trimEnd().split('\n')
  expect(head).toMatch(/ERROR Master: failed$/)
  expect(rest.length).toBeGreaterThan(1)
  for (const line of rest) expect(line).toMatch(/^\t/)
})

test('text: a child keeps the name and adds its fields; an error field of plain text is shown', () => {
  const { log, written } = lines('text')
  log.child({ session: 7 }).info({ error: 'refused' }, 'closed')
  expect(written[0]).toMatch(/INFO Master: closed session=7 error=refused\n$/)
})

test('JSON: the field names of Spark', () => {
  const { log, written } = lines('json')
  log.error({ err: new TypeError('broken') }, 'failed')
  const record = JSON.parse(written[0] ?? '') as Record<string, unknown>
  expect(record).toMatchObject({ level: 'ERROR', logger: 'Master', msg: 'failed' })
  expect(record['ts']).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
  expect(record['err']).toMatchObject({ type: 'TypeError', message: 'broken' })
})

test('levels below the wanted one are not written', () => {
  const { log, written } = lines('text')
  log.trace('no')
  log.debug('yes')
  expect(written).toHaveLength(1)
})

test('the environment chooses', () => {
  expect(logFormat({})).toBe('text')
  expect(logFormat({ MAGNETO_LOG_FORMAT: 'JSON' })).toBe('json')
  expect(logLevel({})).toBe('info')
  expect(logLevel({ MAGNETO_LOG_LEVEL: 'Debug' })).toBe('debug')
})
