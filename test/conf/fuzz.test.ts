/** Whatever comes in: an answer, or a UsageError of one line. */
import * as fc from 'fast-check'
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'

import { splitOptions } from '../../src/conf/env.js'
import { UsageError } from '../../src/conf/errors.js'
import { parseMasterUrl } from '../../src/conf/master-url.js'
import { parseMasterOptions, parseWorkerOptions } from '../../src/conf/options.js'
import { parseProperties } from '../../src/conf/properties.js'
import { parseBytes } from '../../src/conf/size.js'
import { escapeControls } from '../../src/log/human.js'

const anyText = fc.string({ unit: 'binary', maxLength: 60 })

const flags = [
  '-h',
  '--host',
  '-p',
  '--port',
  '-c',
  '-m',
  '-d',
  '--webui-port',
  '--',
  'spark://h:1',
]

const words = fc.array(fc.oneof(fc.constantFrom(...flags), anyText), { maxLength: 8 })

const env = fc.record(
  {
    SPARK_MASTER_PORT: anyText,
    SPARK_WORKER_MEMORY: anyText,
    SPARK_DAEMON_JAVA_OPTS: anyText.map((text) => `-Dspark.worker.timeout=${text}`),
    SPARK_LOCAL_IP: anyText,
  },
  { requiredKeys: [] },
)

function answersOrRefuses(action: () => unknown): void {
  try {
    action()
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    expect((error as Error).message).not.toMatch(/[\r\n]/)
  }
}

test('arguments and variables', () => {
  const fixed = { SPARK_CONF_DIR: `${tmpdir()}/magneto-none`, SPARK_LOCAL_HOSTNAME: 'here' }
  fc.assert(
    fc.property(words, env, (argv, variables) => {
      const all = { ...fixed, ...variables }
      answersOrRefuses(() => parseMasterOptions(argv, all, () => {}))
      answersOrRefuses(() => parseWorkerOptions(argv, all, () => {}))
    }),
  )
})

test('files, sizes, masters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      answersOrRefuses(() => parseProperties(text, 'f'))
      answersOrRefuses(() => parseBytes(text))
      answersOrRefuses(() => parseMasterUrl(`spark://${text}`))
    }),
  )
})

test('what is quoted comes back as it was', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (list) => {
      const line = list.map((word) => `"${word.replaceAll(/["\\]/g, String.raw`\$&`)}"`).join(' ')
      expect(splitOptions(line, 'V')).toEqual(list)
    }),
  )
})

test('escaped text holds no control character', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(/\p{Cc}|\p{Zl}|\p{Zp}/u.test(escapeControls(text))).toBe(false)
    }),
  )
})
